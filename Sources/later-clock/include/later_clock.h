// Nothing is called by name: the library takes the place of functions of the C library, see later_clock.c.
