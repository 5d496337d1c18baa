using System.Net;
using TinyTorrent.Swarm;
using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Swarm;

public class TorrentTests
{
    const int KiB = 1024;

    [Theory]
    [InlineData(1, 16)] // one byte
    [InlineData(100 * KiB + 1, 16)]
    [InlineData(3000 * KiB - 7, 64)]
    [InlineData(1000 * KiB, 33)] // a piece length that is no multiple of a block
    public void AFileTravelsFromASeedToADownloader(int length, int pieceKiB)
    {
        var swarm = new MiniSwarm(length, pieceKiB * KiB, seed: 1);
        Node seed = swarm.AddSeed(), downloader = swarm.AddEmpty();
        int completed = 0;
        downloader.Torrent.Completed += () => completed++;
        swarm.Connect(downloader, seed);
        swarm.Run(seconds: 30);

        TorrentStats stats = downloader.Torrent.Stats;
        Assert.True(stats.IsComplete);
        Assert.Equal(1, completed);
        Assert.Equal(swarm.Content, downloader.Disk.Content);
        Assert.Equal((length, 0, length, length), (stats.Wanted, stats.Left, stats.Downloaded, seed.Torrent.Stats.Uploaded));
        Assert.Equal(0, stats.Wasted);
        Assert.Equal(0, seed.Torrent.Stats.Peers); // two that have everything part
    }

    [Fact]
    public void DownloadersFeedEachOtherWhenTheSeedHasGone()
    {
        var swarm = new MiniSwarm(2000 * KiB, 32 * KiB, seed: 2);
        Node seed = swarm.AddSeed();
        Node[] downloaders = [.. Enumerable.Range(0, 5).Select(_ => swarm.AddEmpty())];
        swarm.Connect(downloaders[0], seed);
        foreach (Node one in downloaders)
            foreach (Node other in downloaders)
                if (string.CompareOrdinal(one.Address.ToString(), other.Address.ToString()) < 0) swarm.Connect(one, other);
        swarm.Run(seconds: 60);
        Assert.All(downloaders, d => Assert.True(d.Torrent.Stats.IsComplete));
        Assert.All(downloaders, d => Assert.Equal(swarm.Content, d.Disk.Content));
        Assert.Equal(swarm.Content.Length, seed.Torrent.Stats.Uploaded); // once is enough
    }

    [Fact]
    public void APeerThatSendsOnlyBadPiecesIsBannedAndTheDownloadFinishesWithoutIt()
    {
        var swarm = new MiniSwarm(800 * KiB, 32 * KiB, seed: 3);
        Node liar = swarm.AddLiar(new byte[swarm.Content.Length]), downloader = swarm.AddEmpty();
        swarm.Connect(downloader, liar);
        swarm.Run(seconds: 5);
        Assert.Equal(0, downloader.Torrent.Stats.Peers);
        int failed = downloader.Torrent.Stats.FailedPieces;
        Assert.True(failed > 0);

        swarm.Connect(downloader, liar);
        swarm.Run(seconds: 2);
        Assert.Equal((0, failed), (downloader.Torrent.Stats.Peers, downloader.Torrent.Stats.FailedPieces)); // it is not let in again

        swarm.Connect(downloader, swarm.AddSeed());
        swarm.Run(seconds: 30);
        Assert.True(downloader.Torrent.Stats.IsComplete);
        Assert.Equal(swarm.Content, downloader.Disk.Content);
    }

    [Fact]
    public void ItReadsInOrderOnlyWhileSomethingIsUrgent()
    {
        var swarm = new MiniSwarm(4000 * KiB, 64 * KiB, seed: 5);
        Node downloader = swarm.AddEmpty();
        downloader.Torrent.SetUrgent(40, 10, true);
        Assert.True(downloader.Picker.IsRead);
        downloader.Torrent.SetUrgent(40, 10, false);
        Assert.False(downloader.Picker.IsRead);
        swarm.Connect(downloader, swarm.AddSeed());
        swarm.Run(seconds: 30);
        Assert.Equal(swarm.Content, downloader.Disk.Content);
    }

    [Fact]
    public void APeerThatVanishesCostsItsBlocksNotTheDownload()
    {
        var swarm = new MiniSwarm(4000 * KiB, 64 * KiB, seed: 4);
        Node first = swarm.AddSeed(), second = swarm.AddSeed(), downloader = swarm.AddEmpty();
        swarm.Connect(downloader, first);
        swarm.Vanish(first);
        swarm.Connect(downloader, second);
        swarm.Run(seconds: 30);
        Assert.True(downloader.Torrent.Stats.IsComplete);
        Assert.Equal(swarm.Content, downloader.Disk.Content);
    }

    [Fact]
    public void ADiskThatFailsLosesNothingThatWasVerified()
    {
        var swarm = new MiniSwarm(500 * KiB, 32 * KiB, seed: 5);
        Node seed = swarm.AddSeed(), downloader = swarm.AddEmpty();
        downloader.Disk.FailsToWrite = true;
        swarm.Connect(downloader, seed);
        swarm.Run(seconds: 1);
        Assert.Equal(0, downloader.Picker.Have.Count);
        downloader.Disk.FailsToWrite = false;
        swarm.Run(seconds: 60);
        Assert.True(downloader.Torrent.Stats.IsComplete);
    }

    [Fact]
    public void NobodyConnectsToItselfOrTwiceToTheSamePeer()
    {
        var swarm = new MiniSwarm(100 * KiB, 32 * KiB, seed: 6);
        Node seed = swarm.AddSeed(), downloader = swarm.AddEmpty();
        swarm.Connect(downloader, downloader);
        swarm.Run(seconds: 1);
        Assert.Equal(0, downloader.Torrent.Stats.Peers);

        downloader.Disk.FailsToWrite = true; // so that the connection lasts
        swarm.Connect(downloader, seed);
        swarm.Connect(seed, downloader);
        swarm.Run(seconds: 1);
        Assert.Equal(1, downloader.Torrent.Stats.Peers);
    }

    [Fact]
    public void AnAddressThatAnswersWithOurOwnIdIsNotDialledAgain()
    {
        Node node = new MiniSwarm(100 * KiB, 32 * KiB, seed: 6).AddEmpty();
        node.Torrent.AddCandidates([node.Address]);
        var dial = new PeerSession((PeerSession s, in Handshake h) => node.Torrent.Admit(s, h, node.Address, dialled: true, default));
        node.Torrent.Hello.Write(dial.ReceiveBuffer.Span);
        Assert.False(dial.Received(Handshake.Size, default));
        node.Torrent.AddCandidates([node.Address]);
        Assert.False(node.Torrent.KnowsPeers);
    }

    [Fact]
    public void TwoThatDialEachOtherAtTheSameTimeKeepOneConnection()
    {
        for (int first = 0; first < 2; first++)
        {
            var swarm = new MiniSwarm(100 * KiB, 32 * KiB, seed: 7);
            Node one = swarm.AddEmpty(), other = swarm.AddEmpty();
            if (first == 1) (one, other) = (other, one);
            swarm.ConnectBothWays(one, other);
            swarm.Run(seconds: 2);
            Assert.Equal((1, 1), (one.Torrent.Stats.Peers, other.Torrent.Stats.Peers));
        }
    }

    [Fact]
    public void ASeedSeesWhoGotEverything()
    {
        var swarm = new MiniSwarm(1000 * KiB, 32 * KiB, seed: 8);
        Node seed = swarm.AddSeed(), downloader = swarm.AddEmpty();
        swarm.Connect(downloader, seed);
        swarm.Run(seconds: 10);
        Assert.Equal(1, seed.Torrent.Stats.PeersCompleted);
    }
}
