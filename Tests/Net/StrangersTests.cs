using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Net;

public class StrangersTests
{
    static PeerAddress Six(byte customer, byte household, byte host) => PeerAddress.From([0x20, 1, 0xd, 0xb8, 0, customer, 0, household, 0, 0, 0, 0, 0, 0, 0, host]);

    [Fact]
    public void AnAddressGetsAQuarterAHouseholdAsMuchAndACustomersWholeNetworkHalf()
    {
        var strangers = new Strangers(64);
        Assert.Equal(16, Enumerable.Range(0, 100).Count(_ => strangers.TryEnter(PeerAddress.From([198, 51, 100, 7]))));
        Assert.Equal(16, Enumerable.Range(0, 100).Count(host => strangers.TryEnter(Six(1, 1, (byte)host))));
        Assert.Equal(16, Enumerable.Range(0, 100).Count(household => strangers.TryEnter(Six(1, (byte)(2 + household), 1))));
        Assert.Equal(1, Enumerable.Range(0, 1).Count(_ => strangers.TryEnter(Six(2, 1, 1))));
        Assert.Equal(100, Enumerable.Range(0, 100).Count(_ => strangers.TryEnter(PeerAddress.From([192, 168, 0, 7]))));
    }

    [Fact]
    public void WhatLeavesMakesRoomForAsMuch()
    {
        var strangers = new Strangers(16);
        var dice = new Random(4);
        var inside = new List<PeerAddress>();
        for (int i = 0; i < 20_000; i++)
        {
            if (inside.Count > 0 && dice.Next(2) == 0)
            {
                int at = dice.Next(inside.Count);
                strangers.Leave(inside[at]);
                inside.RemoveAt(at);
                continue;
            }
            PeerAddress address = Six((byte)dice.Next(3), (byte)dice.Next(3), (byte)dice.Next(3));
            bool room = inside.Count(other => other.Network(64) == address.Network(64)) < 4 && inside.Count(other => other.Network(48) == address.Network(48)) < 8;
            Assert.Equal(room, strangers.TryEnter(address));
            if (room) inside.Add(address);
        }
    }
}
