// All that matters happened when this was linked.
int main() { return 0; }
