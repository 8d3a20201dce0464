using System;

class Storm : Exception { public Storm(string message) : base(message) { } }

class Program
{
    static int Main()
    {
        try { throw new Storm("too much sand"); }
        catch (Storm storm) when (storm.Message.Length > 3) { Console.Error.WriteLine("caught " + storm.Message); }
        finally { Console.WriteLine("finally"); }
        return 9;
    }
}
