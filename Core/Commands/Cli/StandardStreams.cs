// stdout and stderr as plain file descriptors. The framework's Console installs terminal handlers on first use, which
// costs start-up time, and its streams swallow a closed pipe and a full disk; these report both, so that
// `get -o - | head` ends and `info > /dev/full` is not a success.
using System.Runtime.InteropServices;
using System.Text;
using TinyTorrent.Types;

namespace TinyTorrent.Commands;

static partial class StandardStreams
{
    /// <summary>stdout, unbuffered. Writing throws <see cref="OutputException"/> when nobody reads it or it is full.</summary>
    public static Stream Output { get; } = Open(1);

    /// <summary>stderr, unbuffered. A fault here is dropped: there is nobody left to tell.</summary>
    public static Stream Error { get; } = Open(2);

    /// <summary>Gives <see cref="Console.Out"/> and <see cref="Console.Error"/> these streams, in UTF-8, flushed per call. Before
    /// anything is opened.</summary>
    public static void Install()
    {
        if (!OperatingSystem.IsWindows()) OccupyClosed();
        Console.SetOut(Writer(Output));
        Console.SetError(Writer(Error));
    }

    /// <summary>A number whose descriptor the parent has closed would go to the next file or socket, and what is meant for a
    /// person would be written into it. The root is everywhere; neither reading nor writing it does anything.</summary>
    static void OccupyClosed()
    {
        int opened;
        while ((opened = open("/", 0)) is >= 0 and <= 2) { }
        if (opened > 2) _ = close(opened);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc")]
    private static partial int close(int descriptor);

    static StreamWriter Writer(Stream stream) =>
        new(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), bufferSize: 1024) { AutoFlush = true };

    static Stream Open(int descriptor) => OperatingSystem.IsWindows()
        ? descriptor == 1 ? Console.OpenStandardOutput() : Console.OpenStandardError()
        : new DescriptorStream(descriptor);

    sealed partial class DescriptorStream(int descriptor) : Stream
    {
        const int Interrupted = 4, BadDescriptor = 9, BrokenPipe = 32;
        const short PollOut = 4;
        static readonly int TryAgain = OperatingSystem.IsLinux() ? 11 : 35;

        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            while (buffer.Length > 0)
            {
                nint written = write(descriptor, ref MemoryMarshal.GetReference(buffer), buffer.Length);
                if (written >= 0) buffer = buffer[(int)written..];
                else if (!MayRetry(Marshal.GetLastPInvokeError())) return;
            }
        }

        bool MayRetry(int errno)
        {
            if (errno == Interrupted) return true;
            if (errno == TryAgain) // the descriptor is shared with a program that made it non-blocking
            {
                var room = new PollEntry { Descriptor = descriptor, Events = PollOut };
                return poll(ref room, 1, -1) >= 0 || Marshal.GetLastPInvokeError() == Interrupted;
            }
            return descriptor == 1 ? throw new OutputException(errno == BrokenPipe, errno == BadDescriptor ? "stdout is closed" : SystemMessage.Phrase(Marshal.GetPInvokeErrorMessage(errno))) : false;
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
        public override void Flush() { }
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();

        [LibraryImport("libc", SetLastError = true)]
        private static partial nint write(int descriptor, ref byte buffer, nint count);

        [LibraryImport("libc", SetLastError = true)]
        private static partial int poll(ref PollEntry entries, nuint count, int milliseconds);

        struct PollEntry
        {
            public int Descriptor;
            public short Events, Happened;
        }
    }
}

/// <summary>stdout cannot be written. <paramref name="closed"/>: its reader went away, which is no error worth a line.</summary>
sealed class OutputException(bool closed, string why) : IOException("cannot write the output: " + why)
{
    public bool Closed { get; } = closed;
}
