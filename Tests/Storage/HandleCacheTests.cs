using Microsoft.Win32.SafeHandles;
using TinyTorrent.Storage;

namespace TinyTorrent.Tests.Storage;

public sealed class HandleCacheTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly HandleCache _cache = new(2);

    public void Dispose()
    {
        _cache.Dispose();
        _folder.Dispose();
    }

    SafeFileHandle NewHandle() => File.OpenHandle(_folder["f"], FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);

    HandleCache.Entry Add(int key, bool writable = true) => _cache.Add(key, NewHandle(), writable)!;

    [Fact]
    public void TheFileUsedLongestAgoIsClosedFirst()
    {
        HandleCache.Entry first = Add(1), second = Add(2);
        _cache.Return(first, false);
        _cache.Return(second, false);
        Assert.True(_cache.TryRent(1, false, out HandleCache.Entry? again));
        _cache.Return(again, false);
        _cache.Return(Add(3), false);
        Assert.False(first.Handle.IsClosed);
        Assert.True(second.Handle.IsClosed);
        Assert.False(_cache.TryRent(2, false, out _));
    }

    [Fact]
    public void AFileInUseIsNotClosedEvenOverTheLimit()
    {
        HandleCache.Entry[] used = [Add(1), Add(2), Add(3), Add(4)];
        Assert.Equal(4, _cache.Count);
        Assert.DoesNotContain(used, e => e.Handle.IsClosed);
        foreach (HandleCache.Entry entry in used) _cache.Return(entry, false);
        Assert.Equal(2, _cache.Count);
        Assert.Equal([true, true, false, false], used.Select(e => e.Handle.IsClosed));
    }

    [Fact]
    public void OpeningForWritingReplacesAReadersHandleWhichItsLastUserCloses()
    {
        HandleCache.Entry reader = Add(1, writable: false);
        Assert.False(_cache.TryRent(1, writing: true, out _));
        HandleCache.Entry writer = Add(1);
        Assert.False(reader.Handle.IsClosed);
        Assert.True(_cache.TryRent(1, writing: false, out HandleCache.Entry? rented));
        Assert.Same(writer, rented);
        _cache.Return(reader, false);
        Assert.True(reader.Handle.IsClosed);
        Assert.Equal(1, _cache.Count);
    }

    [Fact]
    public void TwoThreadsThatOpenedTheSameFileShareOneHandle()
    {
        HandleCache.Entry first = Add(1);
        SafeFileHandle late = NewHandle();
        Assert.Same(first, _cache.Add(1, late, writable: true));
        Assert.True(late.IsClosed);
    }

    [Fact]
    public void DisposingLeavesFilesInUseToTheirUsers()
    {
        HandleCache.Entry used = Add(1);
        _cache.Dispose();
        Assert.False(used.Handle.IsClosed);
        _cache.Return(used, written: true);
        Assert.True(used.Handle.IsClosed);
        SafeFileHandle late = NewHandle();
        Assert.Null(_cache.Add(2, late, writable: true));
        Assert.True(late.IsClosed);
    }

    [Fact]
    public void WhatWasWrittenIsTakenOnceAndMayBePutBack()
    {
        _cache.Return(Add(7), written: true);
        _cache.Return(Add(8), written: false);
        Assert.Equal([7], _cache.TakeWritten());
        Assert.Empty(_cache.TakeWritten());
        _cache.KeepWritten([7]);
        Assert.Equal([7], _cache.TakeWritten());
    }
}
