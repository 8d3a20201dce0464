public class Main {
    static int depth(int n) {
        if (n == 3) throw new IllegalStateException("too deep: " + n);
        return depth(n + 1);
    }

    public static void main(String[] args) {
        System.out.println("before");
        depth(0);
    }
}
