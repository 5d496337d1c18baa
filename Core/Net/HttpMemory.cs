// The memory that large requests and large answers share in all connections of a server. Ordinary ones are a few kilobytes
// and do not ask; a body or an answer that would go beyond the sum is refused. Any thread may call.
namespace TinyTorrent.Net;

/// <param name="total">Bytes.</param>
sealed class HttpMemory(long total)
{
    long _taken;

    public bool TryTake(int bytes)
    {
        if (Interlocked.Add(ref _taken, bytes) <= total) return true;
        Give(bytes);
        return false;
    }

    public void Give(int bytes) => Interlocked.Add(ref _taken, -bytes);
}
