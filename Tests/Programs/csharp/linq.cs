using System;
using System.Collections.Generic;
using System.Linq;

interface IShape { double Area { get; } }

struct Square : IShape
{
    public double Side;
    public double Area => Side * Side;
}

class Box<T> where T : IComparable<T>
{
    private readonly List<T> items = new List<T>();
    public Box<T> Add(params T[] more) { items.AddRange(more); return this; }
    public T Largest => items.Max();
}

static class Program
{
    static IEnumerable<int> Evens(int limit) { for (int n = 0; n < limit; n += 2) yield return n; }

    static void Main(string[] args)
    {
        var words = new[] { "dune", "arch", "crag", "ant" };
        foreach (var group in words.GroupBy(w => w[0]).OrderBy(g => g.Key)) Console.WriteLine($"{group.Key}: {string.Join(",", group)}");
        Console.WriteLine(string.Join(" ", Evens(10).Select(n => n * n)) + " " + new Square { Side = 3 }.Area);
        var (low, high) = (Evens(9).Min(), new Box<string>().Add(words).Largest);
        Console.WriteLine($"{low} {high} {args.Length}");
    }
}
