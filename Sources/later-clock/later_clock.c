// A clock that has moved on: loaded ahead of the C library (LD_PRELOAD), it adds PERJURY_LATER nanoseconds to what a program
// reads of the clock of the day.
//
// Only that clock is another. The monotonic clocks and the times that the kernel gives to files are those of the machine: both
// are right after a real restart. Where a program waits until a moment of the clock of the day, the moment is put back. Such a
// moment is told from one of a monotonic clock by its size: the machine has not been on for thirty years.
//
// It leaves out: programs that do not ask the C library, clocks of a process, and file times that a program reads back to
// compare them with the time of the day, which is the point.
//
// Why not libfaketime: with 0.9.10, either clock_nanosleep(2) on the monotonic clock fails, so that Python cannot sleep, or the
// monotonic clock is moved, too, and waits for it do not end.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

enum { thirty_years = 946080000, second = 1000000000 };

/// How far the clock is ahead; 0 without the variable.
static struct timespec ahead(void) {
    static _Atomic long long known = -1;
    if (known < 0) {
        const char *text = getenv("PERJURY_LATER");
        known = text ? strtoll(text, NULL, 10) : 0;
    }
    return (struct timespec){known / second, known % second};
}

static struct timespec later(struct timespec time) {
    struct timespec more = ahead();
    time.tv_sec += more.tv_sec;
    time.tv_nsec += more.tv_nsec;
    if (time.tv_nsec >= second) {
        time.tv_sec += 1;
        time.tv_nsec -= second;
    }
    return time;
}

/// The moment of the machine's clock at which the program's will show this one.
static const struct timespec *put_back(const struct timespec *moment, struct timespec *room) {
    if (!moment || moment->tv_sec < thirty_years) { return moment; }
    struct timespec less = ahead();
    *room = (struct timespec){moment->tv_sec - less.tv_sec, moment->tv_nsec - less.tv_nsec};
    if (room->tv_nsec < 0) {
        room->tv_sec -= 1;
        room->tv_nsec += second;
    }
    return room;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define KNOWN(name)                                  \
    static __typeof__(&name) real;                   \
    if (!real) { real = REAL(name); }

static int is_of_day(clockid_t clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

// What programs read.

int clock_gettime(clockid_t clock, struct timespec *time) {
    KNOWN(clock_gettime)
    int result = real(clock, time);
    if (result == 0 && is_of_day(clock)) { *time = later(*time); }
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    KNOWN(gettimeofday)
    int result = real(time, zone);
    if (result == 0) {
        struct timespec now = later((struct timespec){time->tv_sec, time->tv_usec * 1000});
        *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    }
    return result;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (result) { *result = now.tv_sec; }
    return now.tv_sec;
}

int timespec_get(struct timespec *time, int base) {
    KNOWN(timespec_get)
    int result = real(time, base);
    if (result == TIME_UTC) { *time = later(*time); }
    return result;
}

// What they wait for.

int clock_nanosleep(
    clockid_t clock, int flags, const struct timespec *moment, struct timespec *left) {
    KNOWN(clock_nanosleep)
    struct timespec room;
    int is_moment = (flags & TIMER_ABSTIME) && is_of_day(clock);
    return real(clock, flags, is_moment ? put_back(moment, &room) : moment, left);
}

int pthread_cond_timedwait(
    pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
    const struct timespec *restrict moment) {
    static __typeof__(&pthread_cond_timedwait) real;
    // Without a version it may be the one of before 2003, for which the condition has another shape.
    if (!real) { real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2"); }
    if (!real) { real = REAL(pthread_cond_timedwait); }
    struct timespec room;
    return real(condition, mutex, put_back(moment, &room));
}

int pthread_cond_clockwait(
    pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, clockid_t clock,
    const struct timespec *restrict moment) {
    KNOWN(pthread_cond_clockwait)
    struct timespec room;
    return real(condition, mutex, clock, put_back(moment, &room));
}

int pthread_mutex_timedlock(
    pthread_mutex_t *restrict mutex, const struct timespec *restrict moment) {
    KNOWN(pthread_mutex_timedlock)
    struct timespec room;
    return real(mutex, put_back(moment, &room));
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict moment) {
    KNOWN(sem_timedwait)
    struct timespec room;
    return real(semaphore, put_back(moment, &room));
}

int sem_clockwait(
    sem_t *restrict semaphore, clockid_t clock, const struct timespec *restrict moment) {
    KNOWN(sem_clockwait)
    struct timespec room;
    return real(semaphore, clock, put_back(moment, &room));
}

int timerfd_settime(
    int timer, int flags, const struct itimerspec *value, struct itimerspec *old) {
    KNOWN(timerfd_settime)
    struct itimerspec moved = *value;
    struct timespec room;
    if (flags & TFD_TIMER_ABSTIME) { moved.it_value = *put_back(&value->it_value, &room); }
    return real(timer, flags, &moved, old);
}
