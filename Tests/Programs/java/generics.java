import java.util.*;
import java.util.function.*;
import java.util.stream.*;

interface Shape { double area(); }

record Circle(double radius) implements Shape {
    public double area() { return Math.PI * radius * radius; }
}

record Square(double side) implements Shape {
    public double area() { return side * side; }
}

class Box<T extends Comparable<T>> {
    private final List<T> items = new ArrayList<>();
    @SafeVarargs final Box<T> add(T... more) { items.addAll(List.of(more)); return this; }
    T largest() { return Collections.max(items); }
}

public class Dunes {
    public static void main(String[] args) {
        var shapes = List.of(new Circle(1), new Square(2));
        System.out.printf(Locale.ROOT, "%.3f%n", shapes.stream().mapToDouble(Shape::area).sum());
        System.out.println(new Box<String>().add("arch", "dune", "crag").largest());
        Map<Boolean, List<Integer>> parts = IntStream.rangeClosed(1, 9).boxed().collect(Collectors.partitioningBy(n -> n % 2 == 0));
        System.out.println(parts + " " + shapes.get(0));
        BiFunction<Integer, Integer, Integer> add = Integer::sum;
        System.out.println(add.andThen(n -> n * 10).apply(2, 3) + " " + args.length);
    }
}
