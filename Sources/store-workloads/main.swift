print("store-workloads")
