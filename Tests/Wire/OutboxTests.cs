using TinyTorrent.Types;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Wire;

/// <summary>Who is woken and what is aborted, in whatever order things happen.</summary>
public class OutboxTests
{
    readonly Outbox _outbox = new(new Slabs());
    readonly BlockRef[] _blocks = new BlockRef[4];
    int _woken, _aborted;

    void Attach() => _outbox.Attach(() => _woken++, () => _aborted++);

    bool Take() => _outbox.TryTake(_blocks, out _, out _, out _);

    [Fact]
    public void FinishingSendsTheSmallMessagesAndNoBlocksThenCloses()
    {
        Attach();
        _outbox.QueueBlock(new BlockRef(1, 0, 1));
        _outbox.Send(MessageId.Have, 1);
        _outbox.Finish();
        Assert.True(_outbox.TryTake(_blocks, out _, out int length, out int blocks));
        Assert.Equal((9, 0), (length, blocks));
        Assert.False(_outbox.IsClosed);
        Assert.False(Take());
        Assert.True(_outbox.IsClosed);
    }

    [Fact]
    public void FinishingWakesAWriterThatWaits()
    {
        Attach();
        Assert.False(Take());
        _outbox.Finish();
        Assert.Equal(1, _woken);
        Assert.False(Take());
        Assert.True(_outbox.IsClosed);
    }

    [Fact]
    public void FinishingBeforeThereIsAConnectionEndsItAtOnce()
    {
        _outbox.Finish();
        Attach();
        Assert.False(Take());
        Assert.True(_outbox.IsClosed);
    }

    [Fact]
    public void ClosingBeforeThereIsAConnectionAbortsItWhenItComes()
    {
        _outbox.Close();
        Attach();
        Assert.Equal(1, _aborted);
        Assert.False(Take());
    }

    [Fact]
    public void AClosedOutboxSendsNothingMore()
    {
        Attach();
        _outbox.Send(MessageId.Have, 1);
        _outbox.Close();
        _outbox.QueueBlock(new BlockRef(1, 0, 1));
        _outbox.Flush();
        _outbox.Finish();
        Assert.False(Take());
        Assert.True(_outbox.IsClosed);
    }

    [Fact]
    public void SomeThousandBlocksMayWaitAndNoMore()
    {
        int queued = 0;
        while (queued < 100_000 && _outbox.QueueBlock(new BlockRef(queued, 0, 1))) queued++;
        Assert.InRange(queued, 1000, 4000);
    }

    [Fact]
    public void AConnectionWhosePeerDoesNotReadIsAbortedAtTheFlush()
    {
        Attach();
        for (int i = 0; i < 300_000; i++) _outbox.Send(MessageId.Have, i);
        Assert.Equal(0, _aborted);
        _outbox.Flush();
        Assert.Equal(1, _aborted);
    }
}
