// The body of an answer that exists already, in memory or in a file. It is sent in portions as the client takes them, so a slow
// client holds no memory: kept bytes are sent from where they are, a file is read a portion at a time. Not thread-safe.
using Microsoft.Win32.SafeHandles;

namespace TinyTorrent.Net;

sealed class StoredBody : IDisposable
{
    /// <summary>Bytes in one portion at most.</summary>
    const int MaxPortion = 64 * 1024;

    readonly ReadOnlyMemory<byte> _bytes;
    readonly SafeFileHandle? _file;
    byte[] _portion = [];
    long _sent;

    public StoredBody(ReadOnlyMemory<byte> bytes) => (_bytes, Length) = (bytes, bytes.Length);

    /// <param name="file">Taken over.</param>
    /// <exception cref="IOException">Its length cannot be read.</exception>
    public StoredBody(SafeFileHandle file) => (_file, Length) = (file, RandomAccess.GetLength(file));

    public long Length { get; }

    /// <summary>False until the first portion is behind it.</summary>
    public bool IsBegun => _sent > 0;

    /// <summary>True if nothing follows the next portion.</summary>
    public bool IsLast => Length - _sent <= MaxPortion;

    /// <summary>The next portion.</summary>
    /// <exception cref="IOException">The disk failed, or the file was cut.</exception>
    public ReadOnlyMemory<byte> Next()
    {
        int count = (int)Math.Min(MaxPortion, Length - _sent);
        if (_file is null) return _bytes.Slice((int)_sent, count);
        if (_portion.Length < count) _portion = new byte[count];
        for (int read = 0, more; read < count; read += more)
        {
            more = RandomAccess.Read(_file, _portion.AsSpan(read, count - read), _sent + read);
            if (more == 0) throw new IOException("a file was cut while it was being sent");
        }
        return _portion.AsMemory(0, count);
    }

    /// <summary>The portion has been sent.</summary>
    public void Advance(int count) => _sent += count;

    public void Dispose() => _file?.Dispose();
}
