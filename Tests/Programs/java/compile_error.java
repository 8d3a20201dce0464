public class Broken {
    public static void main(String[] args) {
        int count = "seven";
        System.out.println("never printed");
    }
}
