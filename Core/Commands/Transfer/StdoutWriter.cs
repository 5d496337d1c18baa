using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

/// <summary><c>-o -</c>: passes one file on to stdout in order, as far as its pieces are verified.</summary>
sealed class StdoutWriter(FileEntry file, Geometry geometry, PieceStore store, Torrent torrent)
{
    readonly Stream _output = StandardStreams.Output;
    readonly byte[] _buffer = new byte[256 * 1024];
    long _next = file.Offset; // of the content's bytes

    /// <summary>Blocks while the reader does not read; a reader that is gone ends the command as a broken pipe does.</summary>
    public void Write()
    {
        long end = file.Offset + file.Length;
        for (int piece; _next < end && torrent.Has(piece = (int)(_next / geometry.PieceLength)); )
        {
            long known = Math.Min(end, geometry.OffsetOf(piece) + geometry.LengthOf(piece));
            Span<byte> part = _buffer.AsSpan(0, (int)Math.Min(_buffer.Length, known - _next));
            Transfer.Require(store.Read(_next, part));
            _output.Write(part);
            _next += part.Length;
        }
    }
}
