// The vectorised search must find what a plain one finds, also among endpoints that share words with the wanted one.
using TinyTorrent.Tracker;

namespace TinyTorrent.Tests.Tracker;

public class EndpointTests
{
    [Fact]
    public void ASearchOverIPv4EndsWhereAPlainOneDoes() => SearchesLikeAPlainOne<Endpoint4>(addressSize: 4);

    [Fact]
    public void ASearchOverIPv6EndsWhereAPlainOneDoes() => SearchesLikeAPlainOne<Endpoint6>(addressSize: 16);

    static void SearchesLikeAPlainOne<TEndpoint>(int addressSize) where TEndpoint : unmanaged, IEndpoint<TEndpoint>
    {
        const int seed = 5;
        var random = new Random(seed);
        Span<byte> address = stackalloc byte[addressSize];
        for (int round = 0; round < 5000; round++)
        {
            // Few different bytes: words of one endpoint stand in others, at other places too.
            var endpoints = new TEndpoint[random.Next(40)];
            for (int i = 0; i <= endpoints.Length; i++)
            {
                foreach (ref byte b in address) b = (byte)(random.Next(20) == 0 ? 2 : 1);
                TEndpoint endpoint = Endpoint.Pack<TEndpoint>(address, (ushort)(random.Next(8) == 0 ? 0x0202 : 0x0101));
                if (i < endpoints.Length) endpoints[i] = endpoint;
                else Assert.True(Array.FindIndex(endpoints, e => e.Equals(endpoint)) == TEndpoint.IndexIn(endpoints, endpoint), $"seed {seed}, round {round}");
            }
        }
    }
}
