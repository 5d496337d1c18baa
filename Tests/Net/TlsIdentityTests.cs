using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using TinyTorrent.Net;
using TinyTorrent.Tests.Storage;

namespace TinyTorrent.Tests.Net;

public sealed class TlsIdentityTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    string File(string name, string? content = null)
    {
        string path = Path.Combine(_folder.Path, name);
        if (content is not null) System.IO.File.WriteAllText(path, content);
        return path;
    }

    [Fact]
    public void ACertificateAndItsKeyMayBeInOneFileOrInTwo()
    {
        (string certificate, string key, string both) = (File("a.pem"), File("a.key"), File("both.pem"));
        TrackerDoor.WriteCertificate(certificate, key);
        Assert.InRange(TlsIdentity.Read(certificate, key).NotAfter, DateTime.UtcNow.AddHours(23), DateTime.UtcNow.AddHours(25));
        System.IO.File.WriteAllText(both, System.IO.File.ReadAllText(key) + System.IO.File.ReadAllText(certificate));
        TlsIdentity.Read(both, both);
    }

    [Fact]
    public void WhatIsWrongWithAFileIsSaidWithItsName()
    {
        (string certificate, string key, string other) = (File("a.pem"), File("a.key"), File("other.key"));
        TrackerDoor.WriteCertificate(certificate, key);
        TrackerDoor.WriteCertificate(File("other.pem"), other);
        string good = System.IO.File.ReadAllText(certificate);
        Assert.Contains("a.key: holds no unencrypted private key", Problem(certificate, File("a.key", "")), StringComparison.Ordinal);
        Assert.Contains("other.key: holds no unencrypted private key in PEM form that belongs to", Problem(certificate, other), StringComparison.Ordinal);
        Assert.Contains("empty.pem: holds no certificate", Problem(File("empty.pem", "# nothing\n"), other), StringComparison.Ordinal);
        Assert.Contains("cut.pem: ", Problem(File("cut.pem", good[..(good.Length / 2)]), other), StringComparison.Ordinal);
        Assert.Contains("bad.pem: a certificate in it cannot be read", Problem(File("bad.pem", good.Replace("MII", "AAA", StringComparison.Ordinal)), other), StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => TlsIdentity.Read(File("none"), other));

        static string Problem(string certificate, string key) => Assert.Throws<FormatException>(() => TlsIdentity.Read(certificate, key)).Message;
    }

    [Fact]
    public void ANewCertificateIsShownFromTheNextConnectionOnAndOpenOnesGoOn()
    {
        using var door = new TrackerDoor(Way.Tls);
        using var before = (SslStream)door.Dial();
        (string certificate, string key) = (File("new.pem"), File("new.key"));
        TrackerDoor.WriteCertificate(certificate, key, "renewed");
        door.Server.Identity = TlsIdentity.Read(certificate, key);
        using var after = (SslStream)door.Dial();
        Assert.Equal(("CN=localhost", "CN=renewed"), (before.RemoteCertificate!.Subject, after.RemoteCertificate!.Subject));
        before.Write("GET /health HTTP/1.0\r\n\r\n"u8);
        Assert.EndsWith("ok\n", TrackerDoor.ReadToEnd(before), StringComparison.Ordinal);
    }

    [Fact]
    public void TheWholeChainIsShownButItsRoot()
    {
        using X509Certificate2 root = Issue("root", null, out ECDsa rootPair);
        using X509Certificate2 between = Issue("between", root.CopyWithPrivateKey(rootPair), out ECDsa betweenPair);
        using X509Certificate2 leaf = Issue("leaf", between.CopyWithPrivateKey(betweenPair), out ECDsa pair);
        string chain = File("chain.pem", string.Join('\n', leaf.ExportCertificatePem(), between.ExportCertificatePem(), root.ExportCertificatePem(), pair.ExportPkcs8PrivateKeyPem()));

        using var door = new TrackerDoor(Way.Tls);
        door.Server.Identity = TlsIdentity.Read(chain, chain);
        using Socket socket = door.DialRaw();
        using var stream = new SslStream(new NetworkStream(socket));
        var shown = new List<string>();
        stream.AuthenticateAsClient(new SslClientAuthenticationOptions
        {
            TargetHost = "leaf",
            RemoteCertificateValidationCallback = (_, _, built, _) =>
            {
                shown.AddRange(built!.ChainElements.Select(element => element.Certificate.Subject));
                return true;
            },
        });
        Assert.Equal(["CN=leaf", "CN=between"], shown);
    }

    static X509Certificate2 Issue(string name, X509Certificate2? issuer, out ECDsa pair)
    {
        pair = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", pair, HashAlgorithmName.SHA256);
        if (name != "leaf") request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        (DateTimeOffset from, DateTimeOffset to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        if (issuer is null) return X509CertificateLoader.LoadCertificate(request.CreateSelfSigned(from, to).RawData);
        return request.Create(issuer, from < issuer.NotBefore ? issuer.NotBefore : from, to > issuer.NotAfter ? issuer.NotAfter : to, [1]);
    }

    [Theory]
    [InlineData("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0000\u0005nope!")]
    [InlineData("\u0016\u0003\u0001\u00ff\u00ff")]
    [InlineData("\u0000")]
    public void WhatIsNoTlsIsClosedAndTheServerGoesOn(string bytes)
    {
        using var door = new TrackerDoor(Way.Tls);
        Socket socket = door.DialRaw();
        using var stream = new NetworkStream(socket, ownsSocket: true);
        stream.Write(Encoding.Latin1.GetBytes(bytes));
        socket.Shutdown(SocketShutdown.Send);
        try
        {
            Assert.DoesNotContain("HTTP", TrackerDoor.ReadToEnd(stream), StringComparison.Ordinal); // an alert or nothing
        }
        catch (IOException)
        {
            // A reset is an answer too.
        }
        Assert.EndsWith("ok\n", door.Get("/health"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(12288, true)] // 1.3
    [InlineData(3072, true)] // 1.2
    [InlineData(768, false)] // 1.1
    public void OldVersionsOfTlsAreRefused(int version, bool accepted)
    {
        using var door = new TrackerDoor(Way.Tls);
        using Socket socket = door.DialRaw();
        using var stream = new SslStream(new NetworkStream(socket));
        Exception? problem = Record.Exception(() => stream.AuthenticateAsClient(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost", EnabledSslProtocols = (SslProtocols)version, RemoteCertificateValidationCallback = (_, shown, _, _) => shown is not null,
        }));
        Assert.Equal(accepted, problem is null);
    }
}
