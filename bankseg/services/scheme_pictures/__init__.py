"""The pictures of segmentation: each crosses, ranks or compares the clients of the published roll, and each number leads to its clients."""
