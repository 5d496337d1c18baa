// Who a TLS port says it is: a certificate with its chain and its key, out of PEM files as every tool writes them (the
// server's own certificate first, then the intermediate ones). Immutable: a renewed one replaces it between two connections.
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace TinyTorrent.Net;

sealed class TlsIdentity
{
    readonly SslServerAuthenticationOptions _options;

    TlsIdentity(X509Certificate2 certificate, X509Certificate2Collection chain)
    {
        (NotBefore, NotAfter) = (certificate.NotBefore.ToUniversalTime(), certificate.NotAfter.ToUniversalTime());
        _options = new SslServerAuthenticationOptions
        {
            // Offline: nothing is fetched from the addresses that certificates name.
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, chain, offline: true),
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
        };
    }

    /// <summary>The certificate's first moment and its last, in UTC.</summary>
    public DateTime NotBefore { get; }

    public DateTime NotAfter { get; }

    /// <summary>Why no client accepts the certificate at a moment, or null.</summary>
    /// <param name="now">In UTC.</param>
    public string? FaultAt(DateTime now) =>
        now > NotAfter ? $"the certificate expired on {NotAfter:yyyy-MM-dd}"
        : now < NotBefore ? $"the certificate is not valid before {NotBefore:yyyy-MM-dd}" : null;

    /// <param name="key">May be the same file.</param>
    /// <exception cref="FormatException">Names the file and what is wrong with it.</exception>
    public static TlsIdentity Read(string certificate, string key)
    {
        string pem = File.ReadAllText(certificate), keyPem = File.ReadAllText(key);
        var chain = new X509Certificate2Collection();
        try
        {
            chain.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw new FormatException($"{certificate}: a certificate in it cannot be read", e);
        }
        if (chain.Count == 0) throw new FormatException($"{certificate}: holds no certificate in PEM form");
        try
        {
            return new TlsIdentity(X509Certificate2.CreateFromPem(pem, keyPem), chain);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new FormatException($"{key}: holds no unencrypted private key in PEM form that belongs to the certificate", e);
        }
    }

    /// <summary>Greets a client that has just connected.</summary>
    /// <exception cref="AuthenticationException">They did not come to terms.</exception>
    /// <exception cref="IOException">It left, or what it sent is no TLS.</exception>
    public async ValueTask<Stream> OpenAsync(Stream plain)
    {
        var stream = new SslStream(plain);
        try
        {
            await stream.AuthenticateAsServerAsync(_options).ConfigureAwait(false);
            return stream;
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
