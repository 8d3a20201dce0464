using System;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;

class Program
{
    static async Task<int> Square(int n) { await Task.Delay(10 - n); return n * n; }

    static void Main() { Run().GetAwaiter().GetResult(); }

    static async Task Run()
    {
        File.WriteAllText("note.txt", "one\ntwo\n");
        Console.WriteLine(File.ReadAllLines("note.txt").Length + " " + string.Join(",", await Task.WhenAll(Enumerable.Range(0, 5).Select(Square))));
        int total = 0;
        Parallel.For(0, 1000, n => Interlocked.Add(ref total, n));
        Console.WriteLine(total);
    }
}
