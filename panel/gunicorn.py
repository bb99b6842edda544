"""How the web server runs: two processes, threads for requests that wait for a node."""

workers = 2
preload_app = True  # loaded once: what both processes only read, they share
worker_class = "gthread"
threads = 16
timeout = 90
graceful_timeout = 5
keepalive = 60
worker_tmp_dir = "/dev/shm"  # noqa: S108 - heartbeat files, unlinked at once; a disk would stall them
accesslog = None
control_socket_disable = True  # nobody steers it from beside; its user has no home for a socket either
