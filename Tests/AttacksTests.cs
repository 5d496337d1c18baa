// What other programs of this kind were attacked through (CVE numbers, or who found it where), and the test that tries it
// here. Not here is what we do not have: uTP (CVE-2012-6129), UPnP's XML (CVE-2018-13417), metalink (CVE-2010-1512), hooks
// that run programs (CVE-2019-13640); that there is neither XML nor a program started is a test, too.
using System.Reflection;
using TinyTorrent.Tests.Bencode;
using TinyTorrent.Tests.Browse;
using TinyTorrent.Tests.Catalogue;
using TinyTorrent.Tests.Commands;
using TinyTorrent.Tests.Fuzz;
using TinyTorrent.Tests.Layering;
using TinyTorrent.Tests.Metainfo;
using TinyTorrent.Tests.Net;
using TinyTorrent.Tests.Storage;
using TinyTorrent.Tests.Swarm;
using TinyTorrent.Tests.Tracker;
using TinyTorrent.Tests.Wire;

namespace TinyTorrent.Tests;

public class AttacksTests
{
    public static TheoryData<string, Type, string> Tried => new()
    {
        { "CVE-2009-1760, CVE-2010-0012: names that lead out of the folder", typeof(SafeNameTests), nameof(SafeNameTests.HostileNamesAreRefused) },
        { "rqbit #370, anacrolix 89235e18: the same past a check of the text", typeof(PieceStorePathTests), nameof(PieceStorePathTests.ALinkPlantedUnderWayIsRefused) },
        { "CVE-2020-8437, rqbit #660: nesting", typeof(BencodeTests), nameof(BencodeTests.NestingDeeperThan100IsRefusedAndAMillionLevelsDoNotCrash) },
        { "the same through every other decoder", typeof(FuzzTests), nameof(FuzzTests.AMillionNestedListsOrDictionariesAreRefused) },
        { "CVE-2015-5685, CVE-2017-9847, CVE-2018-10756: reading beyond the input", typeof(FuzzTests), nameof(FuzzTests.NoDamageMakesADecoderFail) },
        { "CVE-2014-4909: a bitfield's length", typeof(PeerSessionTests), nameof(PeerSessionTests.AWrongLengthEndsTheConnectionBeforeTheBodyIsBuffered) },
        { "CVE-2007-1385: a piece's index", typeof(StrangerTests), nameof(StrangerTests.APeerThatNamesAPieceThatDoesNotExistIsHungUpOn) },
        { "CVE-2008-4434: text for people", typeof(EscapeTests), nameof(EscapeTests.NothingThatIsPrintedCanDriveATerminal) },
        { "CVE-2009-3575: state files", typeof(ResumeFileTests), nameof(ResumeFileTests.AForgedChecksumDoesNotLetNonsenseIn) },
        { "the same of a tracker", typeof(SwarmFileTests), nameof(SwarmFileTests.RecordsThatLieUnderARightCheckAreRefused) },
        { "CVE-2016-5301: the length of an HTTP chunk", typeof(HttpTrackerTransportTests), nameof(HttpTrackerTransportTests.AChunkThatLiesAboutItsLengthIsABadAnswer) },
        { "CVE-2016-7164: gzip", typeof(HttpTrackerTransportTests), nameof(HttpTrackerTransportTests.WhatDoesNotInflateToAMegabyteOrLessIsABadAnswer) },
        { "CVE-2018-5702: a name pointed at this host", typeof(BrowseServerTests), nameof(BrowseServerTests.ANameThatWasPointedHereIsRefused) },
        { "the same at a tracker", typeof(CatalogueRoutesTests), nameof(CatalogueRoutesTests.ANameThatMayPointAnywhereIsNoOriginToTrust) },
        { "CVE-2023-30801: a password that is known", typeof(BrowseServerTests), nameof(BrowseServerTests.WhoDoesNotKnowTheTokenGetsNothing) },
        { "CVE-2019-13640, CVE-2018-13417: a shell, XML", typeof(LayeringTests), nameof(LayeringTests.NothingStartsAProgramReadsXmlOrOverrulesTheSystemAboutACertificate) },
        { "CVE-2024-51774: a certificate nobody looks at", typeof(HttpTrackerTransportTests), nameof(HttpTrackerTransportTests.ACertificateNobodyVouchesForIsRefused) },
        { "CVE-2019-15782: script in a name", typeof(CatalogueStoreTests), nameof(CatalogueStoreTests.HostileTextIsInertInTheAnswer) },
        { "script in the content", typeof(BrowseServerTests), nameof(BrowseServerTests.WhatABrowserCouldRunIsJustBytesToIt) },
        { "CVE-2019-3500: secrets in what is shown", typeof(TrackerUrlTests), nameof(TrackerUrlTests.WhatIsShownHoldsNoSecret) },
        { "CVE-2021-40839: a decoder that does not get on", typeof(BencodeTests), nameof(BencodeTests.MutatedInputNeverThrowsAndWhatIsAcceptedCanBeWalked) },
        { "transmission #9082: a message's length", typeof(PeerSessionTests), nameof(PeerSessionTests.TheLongestFrameOfAKindIsWaitedForAndTaken) },
        { "libtorrent #8692: reserved bits", typeof(PeerSessionTests), nameof(PeerSessionTests.EveryReservedBitMayBeSet) },
        { "libtorrent's audit, F1: requests to this machine", typeof(AddressRulesTests), nameof(AddressRulesTests.ALocalAddressIsOnlyAskedAsATrackerUnlessTheUserTypedTheUrl) },
        { "by a redirect", typeof(AddressRulesTests), nameof(AddressRulesTests.AGlobalTrackerCannotRedirectToALocalAddress) },
        { "with parameters of the announce", typeof(TrackerUrlTests), nameof(TrackerUrlTests.AUrlThatCannotBeUsedSaysWhy) },
        { "F4: numbers that can be foretold", typeof(LayeringTests), nameof(LayeringTests.WhatMustNotBeGuessedIsDrawnFromTheSystem) },
        { "F7: names that look alike", typeof(TrackerUrlTests), nameof(TrackerUrlTests.WhatIsShownHoldsNoSecret) },
        { "Adamsky, WOOT 2015: answers larger than what asked for them", typeof(UdpTrackerTests), nameof(UdpTrackerTests.ARequestWithoutAProvenAddressGetsNoMoreBytesThanItSent) },
        { "opentracker, npm's tracker, MonoTorrent: connection ids", typeof(ConnectionIdsTests), nameof(ConnectionIdsTests.AnIdIsWorthNothingFromAnotherAddress) },
        { "ids that never change", typeof(ConnectionIdsTests), nameof(ConnectionIdsTests.TheIdOfAnAddressChangesWithTime) },
        { "carl #87: duplicates in quadratic time", typeof(MetainfoFileTests), nameof(MetainfoFileTests.ManyFilesOfOnePathDoNotCostTheirSquare) },
        { "state that brings a crash back", typeof(SwarmFileTests), nameof(SwarmFileTests.AnyDamageIsNoticedAndTheFileIsSetAside) },
        { "torrents that grow when they are read", typeof(MetainfoFileTests), nameof(MetainfoFileTests.PathsThatRepeatALongNameDoNotExplode) },
    };

    /// <summary>That a test of this name exists, the compiler sees; that it is run, nobody else does.</summary>
    [Theory, MemberData(nameof(Tried))]
    public void WhatOthersWereAttackedThroughIsTriedHere(string attack, Type tests, string name) =>
        Assert.True(tests.GetMethod(name)!.GetCustomAttribute<FactAttribute>() is { Skip: null }, attack);
}
