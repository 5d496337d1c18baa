using System.Buffers;
using System.Text;
using TinyTorrent.Bencode;

namespace TinyTorrent.Tests.Bencode;

/// <summary>Bencode from objects, with keys in the order they are given: right and wrong torrents for the tests.</summary>
static class Ben
{
    /// <summary>An int or long, a string (UTF-8), bytes, a <see cref="Dict"/>, or an array of these as a list.</summary>
    public static byte[] Encode(object value)
    {
        var output = new ArrayBufferWriter<byte>();
        Write(new BencodeWriter(output), value);
        return output.WrittenSpan.ToArray();
    }

    static void Write(BencodeWriter writer, object value)
    {
        switch (value)
        {
            case int or long:
                writer.Integer(Convert.ToInt64(value, null));
                break;
            case string text:
                writer.Text(text);
                break;
            case byte[] bytes:
                writer.Bytes(bytes);
                break;
            case Dict dict:
                writer.BeginDictionary();
                foreach ((string key, object item) in dict)
                {
                    writer.Key(Encoding.UTF8.GetBytes(key));
                    Write(writer, item);
                }
                writer.End();
                break;
            case object[] list:
                writer.BeginList();
                foreach (object item in list) Write(writer, item);
                writer.End();
                break;
            default:
                throw new ArgumentException(value.GetType().Name);
        }
    }
}

/// <summary>A dictionary as the list of its entries. Setting a key to null takes it out.</summary>
sealed class Dict : List<(string Key, object Value)>
{
    public void Add(string key, object value) => Add((key, value));

    public Dict With(string key, object? value)
    {
        var copy = new Dict();
        int at = FindIndex(e => e.Key == key);
        copy.AddRange(this);
        if (at >= 0) copy.RemoveAt(at);
        if (value is not null) copy.Insert(at >= 0 ? at : copy.Count, (key, value));
        return copy;
    }
}
