using System;
using System.Numerics;

class Program
{
    static void Main()
    {
        BigInteger product = 1;
        for (int n = 2; n <= 50; n++) product *= n;
        Console.WriteLine(product);
        Console.WriteLine(BigInteger.ModPow(3, 1000, 1000000007) + " " + decimal.MaxValue + " " + 1m / 3);
        Console.WriteLine(unchecked(int.MaxValue + 1));
        try { checked { int max = int.MaxValue; max++; } } catch (OverflowException) { Console.WriteLine("overflow"); }
    }
}
