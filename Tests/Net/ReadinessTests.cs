using System.Net;
using System.Net.Sockets;
using TinyTorrent.Net;

namespace TinyTorrent.Tests.Net;

/// <summary>The framework's readiness and our own, held to the same promises over loopback.</summary>
public sealed class ReadinessTests
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    static IReadiness Create(bool portable) => portable ? new PortableReadiness() : IReadiness.Create();

    static async Task<(Socket Near, Socket Far)> PairAsync(IReadiness readiness)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await readiness.ConnectAsync(near, (IPEndPoint)listener.LocalEndPoint!, CancellationToken.None).WaitAsync(s_patience);
        Assert.Equal(listener.LocalEndPoint, near.RemoteEndPoint);
        return (near, listener.Accept());
    }

    static async Task<byte[]> ReceiveAsync(IWatch watch, Socket socket, int most)
    {
        byte[] buffer = new byte[most];
        while (true)
        {
            watch.BeforeReceive();
            int count = PeerSocket.TryReceive(socket, buffer);
            if (count >= 0) return buffer[..count];
            await watch.ReadableAsync(inPlace: false).AsTask().WaitAsync(s_patience);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task WhatComesWhileNobodyWaitsIsNotMissed(bool portable)
    {
        using IReadiness readiness = Create(portable);
        (Socket near, Socket far) = await PairAsync(readiness);
        using (near) using (far) using (IWatch watch = readiness.Watch(near))
        {
            for (byte i = 0; i < 100; i++)
            {
                far.Send([i]);
                if (i % 2 == 0) near.Poll(s_patience, SelectMode.SelectRead);
                Assert.Equal([i], await ReceiveAsync(watch, near, 10));
            }
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task TheEndIsToldThoughItCameWithTheLastBytes(bool portable)
    {
        using IReadiness readiness = Create(portable);
        (Socket near, Socket far) = await PairAsync(readiness);
        far.Send([1, 2, 3]);
        far.Dispose();
        using (near) using (IWatch watch = readiness.Watch(near))
        {
            await watch.ReadableAsync(inPlace: false).AsTask().WaitAsync(s_patience);
            Assert.Equal([1, 2, 3], await ReceiveAsync(watch, near, 10));
            await watch.ReadableAsync(inPlace: false).AsTask().WaitAsync(s_patience);
            Assert.Empty(await ReceiveAsync(watch, near, 10));
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task ASendThatFindsNoRoomGoesOnWhenThereIs(bool portable)
    {
        byte[] data = new byte[8 << 20];
        new Random(1).NextBytes(data);
        using IReadiness readiness = Create(portable);
        (Socket near, Socket far) = await PairAsync(readiness);
        using (near) using (far) using (IWatch watch = readiness.Watch(near))
        {
            Task<byte[]> receiving = Task.Run(() =>
            {
                byte[] received = new byte[data.Length];
                for (int at = 0; at < received.Length;) at += far.Receive(received, at, received.Length - at, SocketFlags.None);
                return received;
            });
            for (int sent = 0; sent < data.Length;) sent += await watch.SendAsync(data.AsMemory(sent)).AsTask().WaitAsync(s_patience);
            Assert.Equal(data, await receiving.WaitAsync(s_patience));
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task ASendToWhoHasSaidAllAndTakesNothingWaitsInsteadOfSpinning(bool portable)
    {
        using IReadiness readiness = Create(portable);
        (Socket near, Socket far) = await PairAsync(readiness);
        using (near) using (far) using (IWatch watch = readiness.Watch(near))
        {
            far.Shutdown(SocketShutdown.Send);
            Assert.Empty(await ReceiveAsync(watch, near, 10)); // the end is known
            do
            {
                while (PeerSocket.TrySend(near, new byte[64 * 1024]) > 0) { }
            }
            while (near.Poll(TimeSpan.FromMilliseconds(200), SelectMode.SelectWrite)); // what has gone on its way makes room once more
            while (PeerSocket.TrySend(near, new byte[1]) > 0) { } // the system calls less than a third of its room none
            // The call itself returns: the thread is a disk's.
            Task<Task<int>> calling = Task.Run(() => Task.FromResult(watch.SendAsync(new byte[1]).AsTask()));
            Task<int> sending = await calling.WaitAsync(s_patience);
            Task draining = Task.Run(() => { while (far.Receive(new byte[64 * 1024]) > 0) { } });
            Assert.Equal(1, await sending.WaitAsync(s_patience));
            PeerSocket.ShutdownSoon(near);
            await draining.WaitAsync(s_patience);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task ShuttingDownWakesWhoWaits(bool portable)
    {
        using IReadiness readiness = Create(portable);
        (Socket near, Socket far) = await PairAsync(readiness);
        using (near) using (far) using (IWatch watch = readiness.Watch(near))
        {
            Task waiting = watch.ReadableAsync(inPlace: true).AsTask();
            Assert.False(waiting.IsCompleted);
            PeerSocket.ShutdownSoon(near);
            await waiting.WaitAsync(s_patience);
            await Task.Yield(); // off the watching thread, which goes on here in place and which Dispose waits for
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task AClosedPortIsRefusedAndADialCanBeGivenUp(bool portable)
    {
        using IReadiness readiness = Create(portable);
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // nobody listens
        using var refused = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        SocketException fault = await Assert.ThrowsAsync<SocketException>(() =>
            readiness.ConnectAsync(refused, (IPEndPoint)taken.LocalEndPoint!, CancellationToken.None).WaitAsync(s_patience));
        Assert.Equal(SocketError.ConnectionRefused, fault.SocketErrorCode);

        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        var dials = new List<Socket>();
        using var giveUp = new CancellationTokenSource();
        var attempts = new List<Task>();
        for (int i = 0; i < 4; i++) // more than the backlog holds: the last ones hang
        {
            dials.Add(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            attempts.Add(readiness.ConnectAsync(dials[i], (IPEndPoint)full.LocalEndPoint!, giveUp.Token));
        }
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => attempts[^1].WaitAsync(s_patience));
        await Task.WhenAll(attempts).ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(s_patience);
        dials.ForEach(d => d.Dispose());
    }
}
