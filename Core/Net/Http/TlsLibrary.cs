// TLS is the framework's, which on Linux is libssl's: linked into the static binary, looked for at run time by the others.
using System.Runtime.InteropServices;

namespace TinyTorrent.Net;

static class TlsLibrary
{
    public const string Missing = "TLS needs OpenSSL's libssl (3 or 1.1), which is not on this machine";

    /// <summary>A switch of the project file.</summary>
    const string Linked = "TinyTorrent.LinkedTls";

    /// <summary>Ask before anything that needs TLS: where the library is missing the framework ends the process.</summary>
    public static bool IsThere { get; } =
        !OperatingSystem.IsLinux()
        || (AppContext.TryGetSwitch(Linked, out bool linked) && linked)
        || Array.Exists(["libssl.so.3", "libssl.so.1.1"], name => NativeLibrary.TryLoad(name, out _));
}
