// `bench tracker` against our own tracker, whose counts it must match, and against servers that answer wrongly.
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using TinyTorrent.Net;
using TinyTorrent.Tests.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Commands;

public class TrackerBenchmarkTests
{
    static (int Code, JsonElement Result) Bench(string url, params string[] options)
    {
        (int code, string output, _) = TheProgram.Run(["bench", "tracker", url, "--json", .. options]);
        Assert.True(output.Length > 0, $"nothing printed, exit code {code}");
        return (code, JsonDocument.Parse(output).RootElement);
    }

    static long Number(JsonElement result, string name) => result.GetProperty(name).GetInt64();

    static TrackerServer Start(out string place, TrackerOptions? options = null)
    {
        SharedPort port = SharedPort.Open(IPAddress.Loopback, 0);
        place = $"127.0.0.1:{port.Number}/announce";
        return new TrackerServer(options ?? new TrackerOptions(), new HttpLimits(), [port]);
    }

    [Theory]
    [InlineData("udp")]
    [InlineData("http")]
    [InlineData("http", "--close")]
    public void EverybodyOnceIsExactlyThePopulation(string scheme, params string[] options)
    {
        using TrackerServer tracker = Start(out string place);
        (int code, JsonElement result) = Bench($"{scheme}://{place}", ["--once", "--timeout", "60s", "--torrents", "7", "--peers", "1000", .. options]);
        Assert.Equal((0, 1000L, 0L, 0L, 0L), (code, Number(result, "replies"), Number(result, "errors"), Number(result, "bad"), Number(result, "lost")));
        Assert.Equal((7, 1000L), (tracker.Service.Torrents.IPv4, tracker.Service.Peers.IPv4));
        Assert.Equal(1000, tracker.Service.Counters.UdpAnnounces + tracker.Service.Counters.HttpAnnounces);
        Assert.True(result.GetProperty("peers_per_reply").GetDouble() > 20);
        Assert.True(result.GetProperty("p50").GetDouble() <= result.GetProperty("p99").GetDouble());
    }

    [Theory]
    [InlineData("udp")]
    [InlineData("http")]
    public void ARateIsKeptAndEveryReplyIsTheTrackersOwnCount(string scheme)
    {
        using TrackerServer tracker = Start(out string place);
        (int code, JsonElement result) = Bench($"{scheme}://{place}", "--seconds", "1", "--timeout", "60s", "--rate", "500", "--torrents", "3", "--peers", "300");
        long replies = Number(result, "replies");
        Assert.Equal((0, 0L), (code, Number(result, "bad")));
        Assert.InRange(replies, 1, 600);
        Assert.Equal(replies + Number(result, "lost"), tracker.Service.Counters.UdpAnnounces + tracker.Service.Counters.HttpAnnounces);
    }

    [Theory]
    [InlineData("udp")]
    [InlineData("http")]
    public void ARefusalIsAnErrorWithItsReason(string scheme)
    {
        using TrackerServer tracker = Start(out string place, new TrackerOptions { Access = AccessList.Parse("", listedAreServed: true) });
        (int code, JsonElement result) = Bench($"{scheme}://{place}", "--once", "--torrents", "1", "--peers", "10");
        Assert.Equal((7, 0L, 10L), (code, Number(result, "replies"), Number(result, "errors")));
        Assert.Contains("not served", result.GetProperty("first_fault").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("d8:intervali60e5:peers7:abcdefge", "7 and 0 bytes of peers")]
    [InlineData("d8:intervali0e5:peers0:e", "no interval")]
    [InlineData("d8:intervali60e5:peers12:abcdefghijkle", "2 peers where 1 were wanted")]
    [InlineData("<html>", "no dictionary")]
    public void AnswersThatBreakTheProtocolAreBad(string body, string fault)
    {
        using var server = new HttpServer(Listening(out int port), (in _, response) => System.Buffers.BuffersExtensions.Write(response, Encoding.ASCII.GetBytes(body)), new HttpLimits(), new Clock(), new TrackerCounters());
        (int code, JsonElement result) = Bench($"http://127.0.0.1:{port}/announce", "--once", "--torrents", "1", "--peers", "3", "--numwant", "1");
        Assert.Equal((3, 0L, 3L), (code, Number(result, "replies"), Number(result, "bad")));
        Assert.Contains(fault, result.GetProperty("first_fault").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void DatagramsThatBreakTheProtocolAreBad()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        using var server = new UdpServer(socket, (packet, in _, reply) =>
        {
            if (!UdpCodec.TryReadRequest(packet, out UdpRequest request)) return 0;
            return request.Action == UdpAction.Connect ? UdpCodec.WriteConnectReply(reply, request.Transaction, 1)
                : UdpCodec.WriteAnnounceReply(reply, request.Transaction, 60, default) + 5;
        }, portable: false);
        (int code, JsonElement result) = Bench($"udp://127.0.0.1:{port}/announce", "--once", "--torrents", "1", "--peers", "3");
        Assert.Equal((3, 3L, "5 bytes of peers"), (code, Number(result, "bad"), result.GetProperty("first_fault").GetString()));
    }

    static Socket Listening(out int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        return socket;
    }

    [Theory]
    [InlineData(2, "bench tracker")]
    [InlineData(2, "bench tracker https://127.0.0.1:1/announce")]
    [InlineData(2, "bench tracker udp://127.0.0.1:1 --close")]
    [InlineData(2, "bench tracker udp://127.0.0.1:1 --torrents 10 --peers 9")]
    [InlineData(2, "bench tracker udp://[::1]:1 --torrents 1 --peers 60001")]
    [InlineData(2, "bench tracker udp://127.0.0.1:1 --timeout 0.05s")]
    [InlineData(2, "bench hash --rate 1")]
    [InlineData(2, "bench tracker udp://127.0.0.1:1 --size 1M")]
    [InlineData(5, "bench tracker http://127.0.0.1:1/announce --seconds 0.3")]
    public void WhatCannotBeMeasuredIsItsExitCode(int code, string line) => Assert.Equal(code, TheProgram.Run(line.Split(' ')).Code);
}
