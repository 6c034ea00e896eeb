"""Services that an embedded installation starts for itself: broker, worker and web server as child processes."""
