using System;
using System.Linq;
using System.Text;

class Program
{
    static void Main()
    {
        Console.OutputEncoding = new UTF8Encoding(false);
        Console.InputEncoding = new UTF8Encoding(false);
        string line;
        int number = 0;
        while ((line = Console.ReadLine()) != null)
            Console.WriteLine(++number + " " + new string(line.Reverse().ToArray()) + " " + Encoding.UTF8.GetByteCount(line));
        Console.WriteLine("größe 日本");
    }
}
