// The terminal behind stderr: whether a status line may be drawn there, and how wide it is; how wide that behind stdout is.
using System.Runtime.InteropServices;

namespace TinyTorrent.Commands;

static partial class Terminal
{
    const int StandardOutput = 1, StandardError = 2;
    const int DefaultWidth = 80;

    /// <summary>True if stderr is a terminal that can redraw a line.</summary>
    public static bool IsUsable { get; } =
        !Console.IsErrorRedirected && (OperatingSystem.IsWindows() || Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb"));

    /// <summary>Columns at this moment; 0 while another program has the terminal and this one runs in the background.</summary>
    public static int Width()
    {
        if (!OperatingSystem.IsLinux()) return Console.WindowWidth;
        return tcgetpgrp(StandardError) == getpgrp() ? ColumnsOf(StandardError) : 0;
    }

    /// <summary>Columns of the terminal behind stdout; null if there is none.</summary>
    public static int? OutputWidth()
    {
        if (Console.IsOutputRedirected) return null;
        return OperatingSystem.IsLinux() ? ColumnsOf(StandardOutput) : Console.WindowWidth;
    }

    static int ColumnsOf(int descriptor) => ioctl(descriptor, GetWindowSize, out WindowSize size) == 0 && size.Columns > 0 ? size.Columns : DefaultWidth;

    const nuint GetWindowSize = 0x5413; // TIOCGWINSZ

    [StructLayout(LayoutKind.Sequential)]
    readonly struct WindowSize
    {
        public readonly ushort Rows, Columns, PixelWidth, PixelHeight;
    }

    [LibraryImport("libc")]
    private static partial int ioctl(int descriptor, nuint request, out WindowSize size);

    [LibraryImport("libc")]
    private static partial int tcgetpgrp(int descriptor);

    [LibraryImport("libc")]
    private static partial int getpgrp();
}
