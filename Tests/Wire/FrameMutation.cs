// Damage to a peer's stream that leaves its frames whole: other numbers, other kinds, messages that come twice, never, in
// another order or cut, each with the right length in front. For the fuzz tests.
using System.Buffers.Binary;
using TinyTorrent.Wire;

namespace TinyTorrent.Tests.Wire;

static class FrameMutation
{
    const int PrefixSize = 4;

    static readonly int[] s_numbers = [0, 1, 2, 4, 5, 100, 16383, 16384, 16385, 32768, int.MaxValue, int.MinValue, -1, -16384];

    /// <summary>Null if these are not a handshake and whole frames.</summary>
    public static byte[]? Of(byte[] stream, Random random)
    {
        if (Frames(stream) is not { Count: > 0 } frames) return null;
        for (int times = random.Next(1, 4); times > 0 && frames.Count > 0; times--)
        {
            int at = random.Next(frames.Count);
            byte[] frame = [.. frames[at]];
            int fields = (frame.Length - 1) / 4;
            switch (random.Next(10))
            {
                case 8 when fields > 0:
                    for (int i = 0, number = s_numbers[random.Next(s_numbers.Length)]; i < Math.Min(fields, 3); i++)
                        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1 + 4 * i), number);
                    frames[at] = frame;
                    break;
                case 9: // about what another message is about
                    byte[] other = frames[random.Next(frames.Count)];
                    int shared = Math.Min(Math.Min(frame.Length, other.Length), 1 + 3 * 4);
                    if (shared > 1) other.AsSpan(1, shared - 1).CopyTo(frame.AsSpan(1));
                    frames[at] = frame;
                    break;
                case 0:
                    frames.Insert(random.Next(frames.Count), frame);
                    break;
                case 1:
                    frames.RemoveAt(at);
                    frames.Insert(random.Next(frames.Count + 1), frame);
                    break;
                case 2:
                    frames.RemoveAt(at);
                    break;
                case 3 when frame.Length > 0:
                    frame[0] = (byte)random.Next((int)MessageId.Extended + 2);
                    frames[at] = frame;
                    break;
                case 4 when frame.Length > 1:
                    frames[at] = frame[..random.Next(1, frame.Length)];
                    break;
                default:
                    if (fields == 0) break;
                    Span<byte> field = frame.AsSpan(1 + 4 * random.Next(Math.Min(fields, 3)), 4);
                    int near = BinaryPrimitives.ReadInt32BigEndian(field) + random.Next(-1, 2);
                    BinaryPrimitives.WriteInt32BigEndian(field, random.Next(4) == 0 ? near : s_numbers[random.Next(s_numbers.Length)]);
                    frames[at] = frame;
                    break;
            }
        }
        var damaged = new List<byte>(stream[..Handshake.Size]);
        foreach (byte[] frame in frames) damaged.AddRange([0, 0, (byte)(frame.Length >> 8), (byte)frame.Length, .. frame]);
        return [.. damaged];
    }

    static List<byte[]>? Frames(byte[] stream)
    {
        if (stream.Length < Handshake.Size) return null;
        var frames = new List<byte[]>();
        for (int at = Handshake.Size; at < stream.Length;)
        {
            if (stream.Length - at < PrefixSize) return null;
            int length = BinaryPrimitives.ReadInt32BigEndian(stream.AsSpan(at));
            at += PrefixSize;
            if (length < 0 || length > stream.Length - at) return null;
            frames.Add(stream[at..(at + length)]);
            at += length;
        }
        return frames;
    }
}
