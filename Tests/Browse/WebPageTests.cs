using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using TinyTorrent.Catalogue;

namespace TinyTorrent.Tests.Browse;

public sealed partial class WebPageTests
{
    static readonly string s_page = Encoding.UTF8.GetString(WebPage.Write(PageMode.Tracker, null));

    [Theory]
    [InlineData("style")]
    [InlineData("script")]
    public void ItsPolicyAllowsJustTheOneInIt(string element)
    {
        Match found = Assert.Single(Regex.Matches(s_page, $"<{element}>(.*?)</{element}>", RegexOptions.Singleline));
        string hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(found.Groups[1].Value)));
        Assert.Contains($"{element}-src 'sha256-{hash}'", WebPage.Policy, StringComparison.Ordinal);
    }

    [Fact]
    public void NothingInItComesFromElsewhereOrRunsOutsideTheScript()
    {
        Assert.DoesNotMatch(@"(?:src|href)=""(?!data:,""|catalogue\.json"")", s_page);
        Assert.DoesNotMatch(@"\son\w+=|\sstyle=|javascript:|innerHTML|insertAdjacentHTML|document\.write", s_page);
        Assert.DoesNotContain("{style}", s_page, StringComparison.Ordinal);
        Assert.StartsWith("default-src 'none'", WebPage.Policy, StringComparison.Ordinal);
    }

    [Fact]
    public void ItKnowsWhoServesItAndWhatToShowFirst()
    {
        Assert.Contains("data-mode=\"tracker\" data-kind=\"\"", s_page, StringComparison.Ordinal);
        Assert.Contains("data-mode=\"client\" data-kind=\"video\"", Encoding.UTF8.GetString(WebPage.Write(PageMode.Client, ContentKind.Video)), StringComparison.Ordinal);
    }
}
