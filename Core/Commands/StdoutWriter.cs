using TinyTorrent.Metainfo;
using TinyTorrent.Storage;
using TinyTorrent.Swarm;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

/// <summary><c>-o -</c>: passes verified pieces on to stdout in order, as far as they are there.</summary>
sealed class StdoutWriter(MetainfoFile metainfo, PieceStore store, Torrent torrent)
{
    readonly Stream _output = StandardStreams.Output;
    readonly byte[] _buffer = new byte[256 * 1024];
    int _next;

    /// <summary>Blocks while the reader does not read; a reader that is gone ends the command as a broken pipe does.</summary>
    public void Write()
    {
        Geometry geometry = metainfo.Geometry;
        for (; _next < geometry.PieceCount && torrent.Has(_next); _next++)
        {
            long offset = geometry.OffsetOf(_next), end = offset + geometry.LengthOf(_next);
            for (; offset < end; offset += _buffer.Length)
            {
                Span<byte> part = _buffer.AsSpan(0, (int)Math.Min(_buffer.Length, end - offset));
                Transfer.Require(store.Read(offset, part));
                _output.Write(part);
            }
        }
        _output.Flush();
    }
}
