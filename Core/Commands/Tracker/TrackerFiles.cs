// The files a running tracker reads at its start and again at every SIGHUP: lists of torrents and of passkeys, a certificate.
// Each is taken whole or not at all; one that is broken leaves what was in force and holds no other one up.
using System.Globalization;
using TinyTorrent.Net;
using TinyTorrent.Tracker;

namespace TinyTorrent.Commands;

sealed class TrackerFiles
{
    static readonly string[] s_options = ["--allow", "--deny", "--keys", "--tls-cert"];

    readonly string? _allow, _deny, _keys, _certificate, _certificateKey;

    public TrackerFiles(Arguments arguments)
    {
        (_allow, _deny, _keys) = (arguments.Value("--allow"), arguments.Value("--deny"), arguments.Value("--keys"));
        (_certificate, _certificateKey) = (arguments.Value("--tls-cert"), arguments.Value("--tls-key") ?? arguments.Value("--tls-cert"));
        if (_allow is not null && _deny is not null) throw Arguments.Usage("--allow and --deny exclude each other");
        if (_certificate is not null) return;
        foreach (string option in (string[])["--tls-key", "--tls-listen"])
            if (arguments.Has(option)) throw Arguments.Usage($"{option} needs --tls-cert");
    }

    /// <summary>True if there is anything to read again.</summary>
    public static bool AreIn(Arguments arguments) => Array.Exists(s_options, arguments.Has);

    public AccessList ReadAccess() =>
        (_allow ?? _deny) is { } path ? Read(path, text => AccessList.Parse(text, listedAreServed: _allow is not null)) : AccessList.Everything;

    public Passkeys? ReadKeys() => _keys is null ? null : Read(_keys, text => Passkeys.Parse(text, Entropy.Secret(Passkeys.SecretSize)));

    TlsIdentity? ReadIdentity()
    {
        if (_certificate is null) return null;
        return TlsLibrary.IsThere ? TlsIdentity.Read(_certificate, _certificateKey!) : throw new CommandException(ExitCode.Failed, $"--tls-cert: {TlsLibrary.Missing}");
    }

    /// <summary>The certificate at the start. One that no client accepts is served nevertheless, and warned of.</summary>
    public TlsIdentity? ReadIdentity(TrackerLog log)
    {
        TlsIdentity? identity = ReadIdentity();
        if (identity?.FaultAt(DateTime.UtcNow) is { } fault) log.Warn($"{_certificate}: {fault}");
        return identity;
    }

    /// <exception cref="FormatException">No client accepts the new one, and the old one is good.</exception>
    TlsIdentity Renewed(TlsIdentity old, TlsIdentity renewed, TrackerLog log)
    {
        DateTime now = DateTime.UtcNow;
        if (renewed.FaultAt(now) is not { } fault) return renewed;
        if (old.FaultAt(now) is null) throw new FormatException($"{_certificate}: {fault}");
        log.Warn($"{_certificate}: {fault}");
        return renewed;
    }

    /// <summary>Puts what the files say by now in force, and says what it is.</summary>
    public void ReadAgain(TrackerServer server, TrackerLog log)
    {
        bool any = false;
        if ((_allow ?? _deny) is not null) Try(() => server.Service.Access = ReadAccess(), "list");
        if (_keys is not null) Try(() => server.Service.Keys = ReadKeys(), "list");
        if (_certificate is not null) Try(() => server.Identity = Renewed(server.Identity!, ReadIdentity()!, log), "certificate");
        if (!any) return;
        string? expires = server.Identity?.NotAfter.ToString("u", CultureInfo.InvariantCulture).Replace(' ', 'T');
        int? listed = (_allow ?? _deny) is null ? null : server.Service.Access.Count, keys = server.Service.Keys?.Count;
        var parts = new List<string>();
        if (listed is not null) parts.Add(listed == 1 ? "1 torrent listed" : $"{listed:N0} torrents listed");
        if (keys is not null) parts.Add(keys == 1 ? "1 passkey" : $"{keys:N0} passkeys");
        if (expires is not null) parts.Add($"a certificate good until {expires}");
        log.Tell(
            "reloaded",
            json =>
            {
                if (listed is not null) json.WriteNumber("listed", listed.Value);
                if (keys is not null) json.WriteNumber("keys", keys.Value);
                if (expires is not null) json.WriteString("certificate_expires", expires);
            },
            $"files read again: {string.Join(", ", parts)}");

        void Try(Action put, string what)
        {
            try
            {
                put();
                any = true;
            }
            catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
            {
                log.Error(Failure.Explain(e).Message, $"the old {what} stays in force");
            }
        }
    }

    static T Read<T>(string path, Func<string, T> parse)
    {
        try
        {
            return parse(File.ReadAllText(path));
        }
        catch (FormatException e)
        {
            throw new FormatException($"{path}: {e.Message}", e);
        }
    }
}
