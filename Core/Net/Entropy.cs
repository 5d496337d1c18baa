// Secrets, from the kernel: what an attacker who does not see the traffic must not guess either. Random foretells itself to
// who has seen enough of it. The framework's own generator of secrets loads libssl, which a bare machine does not have.
// The device stays open: a server that has run out of descriptors must still be able to change its secrets.
namespace TinyTorrent.Net;

static class Entropy
{
    const string Device = "/dev/urandom";

    static readonly FileStream? s_device = File.Exists(Device) ? new(Device, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0) : null;

    /// <summary>A number that whoever has not seen it can only guess: a transaction, a key.</summary>
    public static uint Number() => BitConverter.ToUInt32(Secret(sizeof(uint)));

    /// <summary>Bytes nobody can foresee.</summary>
    public static byte[] Secret(int count)
    {
        byte[] secret = new byte[count];
        if (s_device is not null)
        {
            lock (s_device) s_device.ReadExactly(secret);
            return secret;
        }
        // New GUIDs come from the same kernel, but six bits of each are fixed: two are folded into each 16 bytes.
        for (int at = 0; at < count; at += 16)
        {
            byte[] one = Guid.NewGuid().ToByteArray(), two = Guid.NewGuid().ToByteArray();
            for (int i = 0; i < 16 && at + i < count; i++) secret[at + i] = (byte)(one[i] ^ two[15 - i]);
        }
        return secret;
    }
}
