package org.example.storm;

// public class Decoy { public static void main(String[] args) {} }
enum Wind { CALM, GALE; String shout() { return name() + "!"; } }

@FunctionalInterface
interface Gust { int strength(); }

class Helper {
    static final String TEXT = "public class Other {\"";
    static String describe(Gust gust) { return Wind.GALE.shout() + gust.strength(); }
}

final class Start {
    static class Nested { }
    public static void main(final String... args) throws Exception {
        System.out.println(Helper.describe(() -> 12) + " " + Start.class.getName() + " " + Nested.class.getSimpleName());
        System.out.println(Helper.TEXT);
    }
}
