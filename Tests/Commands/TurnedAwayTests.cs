using System.Net;
using System.Net.Sockets;
using TinyTorrent.Commands;

namespace TinyTorrent.Tests.Commands;

public class TurnedAwayTests
{
    [Fact]
    public async Task ItIsSaidOnceThatPeersAreTurnedAwayHoweverManyTorrentsThereAre()
    {
        var output = new StringWriter();
        var progress = new Progress(output, width: null);
        await using (Engine engine = TransferOptions.Start(new EngineOptions(Bind: IPAddress.Loopback, Port: 0, MaxPeers: 1), progress))
        {
            var sockets = new List<TcpClient>();
            for (int i = 0; i < 4; i++)
            {
                sockets.Add(new TcpClient());
                await sockets[i].ConnectAsync(IPAddress.Loopback, engine.Port);
                if (i > 0) Assert.Equal(0, await sockets[i].GetStream().ReadAsync(new byte[1]));
            }
            sockets.ForEach(socket => socket.Dispose());
        }
        Assert.Equal("a peer is connected, the most there may be: others are turned away (--max-peers allows more)", output.ToString().Trim());
    }
}
