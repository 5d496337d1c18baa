// Time, order and chance of one simulated run: one thread, one queue of events, one seed that decides everything.
// Two runs with one seed have the same trace: a hash over every event's time and everything that was noted.
namespace TinyTorrent.Tests.Simulation;

sealed class World(int seed)
{
    readonly PriorityQueue<Action, (TimeSpan Time, long Number)> _events = new();
    long _number;

    public int Seed => seed;
    public Random Random { get; } = new(seed);
    public TimeSpan Now { get; private set; } = TimeSpan.FromSeconds(1);
    public long Events { get; private set; }
    public ulong Trace { get; private set; } = 14695981039346656037;

    /// <summary>Events of one moment happen in the order they were planned.</summary>
    public void At(TimeSpan time, Action happen) => _events.Enqueue(happen, (time < Now ? Now : time, _number++));

    public void After(double seconds, Action happen) => At(Now + TimeSpan.FromSeconds(seconds), happen);

    /// <summary>Something that must be the same in every run of this seed.</summary>
    public void Note(long what) => Trace = (Trace ^ (ulong)what) * 1099511628211; // FNV-1a, eight bytes at a time

    public bool Chance(double probability) => Random.NextDouble() < probability;

    public double Between(double least, double most) => least + (most - least) * Random.NextDouble();

    /// <summary>Lets events happen until this is true; false if time is up before.</summary>
    public bool Run(Func<bool> done, TimeSpan limit)
    {
        while (!done())
        {
            if (Now > limit || !_events.TryDequeue(out Action? happen, out (TimeSpan Time, long Number) next)) return false;
            Now = next.Time;
            Events++;
            Note(Now.Ticks);
            happen();
        }
        return true;
    }
}
