using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using TinyTorrent.Tracker;
using TinyTorrent.Types;
using Xunit.Abstractions;

namespace TinyTorrent.Tests.Tracker;

/// <summary>What a peer costs in memory and an announce in time, printed: <c>dotnet test -c Release --filter SwarmStoreFigures --logger "console;verbosity=detailed"</c>.</summary>
public class SwarmStoreFigures(ITestOutputHelper output)
{
    const int Total = 300_000;

    [Theory]
    [InlineData("100 peers a torrent", Total / 100, 4)]
    [InlineData("one peer a torrent", Total, 4)]
    [InlineData("one torrent", 1, 4)]
    [InlineData("one IPv6 peer a torrent", Total, 16)]
    [InlineData("3 peers a torrent", Total / 3, 4)]
    [InlineData("3 IPv6 peers a torrent", Total / 3, 16)]
    [InlineData("100 IPv6 peers a torrent", Total / 100, 16)]
    public void ThePriceOfAPeer(string shape, int torrents, int addressSize)
    {
        if (!OperatingSystem.IsLinux()) return;
        using (var warm = new SwarmStore(TimeSpan.FromMinutes(45), new byte[16])) Fill(warm, torrents, addressSize); // compiled code weighs too
        using var store = new SwarmStore(TimeSpan.FromMinutes(45), new byte[16]);
        long before = ResidentBytes(), first = Fill(store, torrents, addressSize);
        double bytes = (ResidentBytes() - before) / (double)Total;
        long next = Fill(store, torrents, addressSize);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{shape}: {bytes:f1} bytes a peer, first announce {first} ns, next {next} ns"));
        Assert.Equal(Total, store.Peers.IPv4 + store.Peers.IPv6);
    }

    /// <summary>Announces every peer once; nanoseconds for each.</summary>
    static long Fill(SwarmStore store, int torrents, int addressSize)
    {
        byte[] peers = new byte[50 * (addressSize + 2)], address = new byte[addressSize], name = new byte[InfoHash.Size];
        long start = Stopwatch.GetTimestamp();
        for (uint i = 0; i < Total; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(name, i % (uint)torrents * 0x9e3779b97f4a7c15);
            BinaryPrimitives.WriteUInt32BigEndian(address, 0x20000000 + i);
            var announce = new Announce { InfoHash = new InfoHash(name), PeerId = default, Port = 6881, Left = i & 1 };
            store.Announce(announce, PeerAddress.From(address), default, peers, default);
        }
        return (long)Stopwatch.GetElapsedTime(start).TotalNanoseconds / Total;
    }

    /// <summary>Resident memory, without what earlier cases have freed and malloc has kept.</summary>
    static long ResidentBytes()
    {
        _ = malloc_trim(0);
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.AsSpan(6, line.Length - 8), CultureInfo.InvariantCulture);
    }

    [DllImport("libc")]
    static extern int malloc_trim(nuint keep);
}
