import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

public class Concurrency {
    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(3);
        var futures = IntStream.range(0, 10).mapToObj(n -> pool.submit(() -> n * n)).collect(Collectors.toList());
        int sum = 0;
        for (var future : futures) sum += future.get();
        pool.shutdown();
        var counter = new LongAdder();
        Thread[] threads = new Thread[4];
        for (int i = 0; i < threads.length; i++) (threads[i] = new Thread(() -> { for (int n = 0; n < 1000; n++) counter.increment(); })).start();
        for (Thread thread : threads) thread.join();
        System.out.println(sum + " " + counter.sum() + " " + CompletableFuture.supplyAsync(() -> "async").get());
    }
}
