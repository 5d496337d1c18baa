// Connecting to a name that has several addresses (RFC 8305): families alternate, IPv6 first, each attempt gets a head
// start of 250 ms over the next, the first to connect wins and the others are dropped.
using System.Net;
using System.Net.Sockets;

namespace TinyTorrent.Net;

static class HappyEyeballs
{
    static readonly TimeSpan s_headStart = TimeSpan.FromMilliseconds(250);

    /// <summary>A connected socket; SocketException of the last attempt if none succeeds or the name has no address.</summary>
    public static async Task<Socket> ConnectAsync(string host, int port, Func<IPEndPoint, CancellationToken, Task<Socket>> connect, CancellationToken cancellation)
    {
        IPAddress[] addresses = await NameLookup.FindAsync(host, cancellation).ConfigureAwait(false);

        using var others = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var attempts = new List<Task<Socket>>();
        try
        {
            return await RaceAsync(new Queue<IPAddress>(Alternate(addresses)), address => connect(new IPEndPoint(address, port), others.Token), attempts, cancellation).ConfigureAwait(false);
        }
        finally
        {
            await others.CancelAsync().ConfigureAwait(false);
            foreach (Task<Socket> loser in attempts) await DropAsync(loser).ConfigureAwait(false); // none outlives this call
        }
    }

    /// <param name="attempts">Those under way: the losers when this ends.</param>
    static async Task<Socket> RaceAsync(Queue<IPAddress> waiting, Func<IPAddress, Task<Socket>> connect, List<Task<Socket>> attempts, CancellationToken cancellation)
    {
        SocketException? last = null;
        while (waiting.Count > 0 || attempts.Count > 0)
        {
            if (waiting.TryDequeue(out IPAddress? next)) attempts.Add(connect(next));

            Task any = attempts.Count > 0 ? Task.WhenAny(attempts) : Task.CompletedTask;
            await (waiting.Count > 0 ? Task.WhenAny(any, Task.Delay(s_headStart, cancellation)) : any).ConfigureAwait(false);
            foreach (Task<Socket> ended in attempts.FindAll(a => a.IsCompleted))
            {
                attempts.Remove(ended);
                try { return await ended.ConfigureAwait(false); }
                catch (SocketException e) { last = e; } // the next address may do
            }
        }
        throw last!;
    }

    /// <summary>IPv6, IPv4, IPv6, IPv4 … in the resolver's order within each family.</summary>
    public static IEnumerable<IPAddress> Alternate(IPAddress[] addresses)
    {
        var six = new Queue<IPAddress>(addresses.Where(a => a.AddressFamily == AddressFamily.InterNetworkV6));
        var four = new Queue<IPAddress>(addresses.Where(a => a.AddressFamily == AddressFamily.InterNetwork));
        while (six.Count + four.Count > 0)
        {
            if (six.TryDequeue(out IPAddress? a)) yield return a;
            if (four.TryDequeue(out IPAddress? b)) yield return b;
        }
    }

    static async Task DropAsync(Task<Socket> loser)
    {
        try { (await loser.ConfigureAwait(false)).Dispose(); }
        catch (Exception e) when (e is SocketException or OperationCanceledException) { } // it lost
    }
}
