class Program
{
    static void Main() { int sand = "grain"; }
}
