//! Crawlers that are known by name.

/// Expressions that find crawlers in `User-Agent`.
///
/// The first two go by what most crawlers call themselves: a word that ends in `bot`, `crawler` or
/// `spider`, with a version or a page that explains it. The rest are names, gathered from what
/// their operators publish.
pub(super) const CRAWLERS: &[&str] = &[
    r"[A-Za-z_-]*(?:[Bb]ot|BOT|[Cc]rawler|[Ss]pider)(?:-[A-Za-z]+)*[/ -]v?[0-9]",
    r"[A-Za-z_-]*(?:[Bb]ot|[Cc]rawler|[Ss]pider)\b[^()]*\+?https?://",
    // Search engines.
    r"\b(?:Googlebot|AdsBot-Google|Mediapartners-Google|APIs-Google|Google-InspectionTool|AppEngine-Google|FeedFetcher-Google|Google-Read-Aloud|Google-Extended|GoogleOther)\b",
    r"Google.*/\+/web/snippet",
    r"\b(?:bingbot|BingPreview|msnbot|adidxbot|MicrosoftPreview)\b",
    r"\b(?:Slurp|YahooSeeker|Y!J-[A-Z]+|Baiduspider|[Bb]aidu[Ss]pider|YandexBot|Yandex[A-Z][a-z]+|YandexImages|DuckDuckBot|DuckAssistBot|Sogou|360Spider|Yeti/|NaverBot|SeznamBot|coccocbot|PetalBot|Bytespider|Qwantify|MojeekBot|Exabot|Teoma|Gigabot|ia_archiver|archive\.org_bot|heritrix|CCBot)\b",
    // Previews in social networks and messengers.
    r"\b(?:facebookexternalhit|facebookcatalog|meta-externalagent|Twitterbot|LinkedInBot|Slackbot|Slack-ImgProxy|Discordbot|TelegramBot|WhatsApp/|SkypeUriPreview|Pinterestbot|Pinterest/[0-9]|redditbot|Embedly|vkShare|Tumblr/|Applebot|Iframely|bitlybot|FlipboardProxy)",
    // What trains or feeds language models.
    r"\b(?:GPTBot|ChatGPT-User|OAI-SearchBot|ClaudeBot|Claude-Web|anthropic-ai|PerplexityBot|Amazonbot|cohere-ai|Diffbot|YouBot|ImagesiftBot|omgili|Timpibot)\b",
    // What looks for links and prices.
    r"\b(?:AhrefsBot|AhrefsSiteAudit|SemrushBot|SiteAuditBot|MJ12bot|DotBot|rogerbot|DataForSeoBot|BLEXBot|SEOkicks|serpstatbot|SeekportBot|Screaming Frog SEO Spider|Barkrowler|ZoominfoBot|linkdexbot|Linguee|MegaIndex|Mail\.RU_Bot|TurnitinBot|proximic|GrapeshotCrawler|ltx71|spbot|XoviBot|VelenPublicWebCrawler|DomainStatsBot|Cliqzbot|Dataprovider|BUbiNG|ICC-Crawler|magpie-crawler|trendictionbot|woriobot|wotbox)\b",
    // Monitors.
    r"\b(?:Pingdom\.com_bot_version_|PingdomTMS|UptimeRobot|StatusCake|Site24x7|NewRelicPinger|HttpMonitor|TLSProber|Datadog/?Synthetics|GTmetrix|Chrome-Lighthouse|W3C_Validator|W3C-checklink|CloudFlare-AlwaysOnline)\b",
    // Readers of feeds.
    r"\b(?:Feedly|Feedbin|FeedBurner|Tiny Tiny RSS|NewsBlur|UniversalFeedParser|Bloglines|Netvibes|Feedspot)\b",
    // Libraries and programs that fetch many pages.
    r"\b(?:Scrapy|Nutch|Apache-HttpClient|Google-HTTP-Java-Client|Python-urllib|libwww-perl|WWW-Mechanize|HTTrack|WebZIP|WebCopier|Teleport Pro|Offline Explorer|SiteSucker|PhantomJS|colly|grub-client|larbin|Snoopy|EmailCollector|EmailSiphon|WebStripper|masscan|zgrab|Nmap Scripting Engine|sqlmap|Nikto|Nessus|CensysInspect|Expanse|NetcraftSurveyAgent)\b",
    r"^Java/[0-9]|^WinHTTP\b|\bJNLP\b|http%20client",
];
