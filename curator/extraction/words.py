"""What names and phrases say of a part of a page: words in `class` and `id`, and short phrases in the text itself.

Both are found by one pass of an Aho-Corasick automaton over the bytes (Aho & Corasick, CACM 1975), so that `maincontent`,
`main-content` and `mainContent` all speak. Groups are bits, and of phrases it is counted how many there are; the model learns
what a group is worth. A hint, never a rule.
"""

from __future__ import annotations

from collections import deque

import numpy as np

# A leading or trailing `_` is the border of a word: `_ad_` is found in `ad-box` and `topAd`, not in `head`.
NAMES: dict[str, str] = {
    "content": "content article artibody story endtext newstext conttext entry detail neirong zhengwen wenzhang articlebody",
    "main": "_main mainc maint mainb primary",
    "body": "body",
    "text": "text _txt txt_ prose richtext markdown wysiwyg",
    "post": "post thread topic answer question message _msg floor tiezi tpc read_ qa_ review",
    "comment": "comment pinglun discus disqus _cmt feedback liuyan replies reply respond gentie",
    "nav": "_nav nav_ navi menu crumb _tab_ _tabs toolbar pager pagination paging pagelink _page_ pages_ "
    "location weizhi sitemap daohang",
    "header": "header masthead _head_ _hd_ topbar _top_",
    "footer": "footer _foot_ _ft_ bottom copyright copy_ legal licen disclaimer",
    "side": "side rail _right right_ _left left_ _col_ column widget module_ panel",
    "related": "relat recom tuijian xiangguan similar also_ suggest teaser outbrain taboola readmore readnext popular trend "
    "morenews morestor",
    "more": "_hot hot_ rank _more more_ latest newest recent _link link_ links _next next_ _prev",
    "share": "share sharing social facebook twitter weibo _sns follow subscri newsletter _like bookmark _rss "
    "fenxiang addthis jiathis bdshare",
    "advert": "_ad_ _ads _adv advert sponsor banner promo _gg_ guanggao dfp googlead",
    "meta": "author byline date time source _info meta _tag _tags categor editor zeren _from posted laiyuan "
    "dateline timestamp _pub",
    "user": "user avatar profile signature member badge karma _nick poster",
    "title": "title headline subject biaoti _tit_ heading",
    "caption": "caption credit photo image figure _pic gallery video player slide _img media",
    "lead": "summary abstract _lead intro excerpt _desc description _dek standfirst daodu zhaiyao subtitle subhead",
    "list": "list _items _item card grid _li_",
    "form": "login search form_ _form register signin signup dropdown tooltip",
    "notice": "modal popup cookie consent overlay dialog paywall gdpr onetrust noscript alert",
    "code": "code highlight syntax hljs prettyprint gist",
    "gutter": "lineno linenum gutter line-numbers copybtn copybutton",
    "hidden": "hidden _hide hide_ invisible sr-only screen-reader noprint visuallyhidden collapse",
    "action": "vote score action button btn _edit tools _tool report flag",
    "toc": "_toc toc_ tableofcontents outline onthispage",
}
PHRASES: dict[str, str] = {
    "rights": "©|copyright|all rights reserved|版权|版權|著作權|未经授权|未經授權|转载|轉載|禁止|免责|icp备|icp証|"
    "icp证|许可证|powered by",
    "share": "分享|转发|facebook|twitter|微博|微信|email|e-mail|打印|列印|print|tweet|share|收藏|扫一扫|二维码|"
    "line|follow us|qq",
    "related": "相关|相關|推荐|推薦|延伸阅读|延伸閱讀|热门|熱門|排行|related|recommended|most read|most popular|you may"
    "|read more|see also|read also|更多|more from|more news|trending|猜你|精彩|热点|頭條|焦点",
    "origin": "编辑|編輯|责编|來源|来源|记者|記者|作者|责任|稿源|by |posted|published|updated|author|source:|"
    "通讯员|发布|發布|通訊員",
    "comment": "评论|評論|回复|回覆|发表|發表|留言|網友|网友|comment|reply|replies|leave a|匿名|跟帖|楼主|樓主|楼|登录后",
    "member": "登录|登錄|登入|注册|註冊|log in|login|sign in|sign up|register|subscribe|会员|會員|newsletter|password|密码",
    "pages": "上一篇|下一篇|上一页|下一页|上一頁|下一頁|上一则|下一则|previous|next|首页|首頁|尾页|返回|回首頁|末页|home",
    "counts": "阅读|閱讀|浏览|瀏覽|views|votes|likes|点赞|人气|人氣|点击|點擊|次|赞|joined|posts:|rank|ago|minutes|分钟前",
    "action": "click|点击|點擊|查看|download|下载|下載|edit|编辑本|举报|舉報|report|flag|字号|字體|字体|大中小|"
    "关闭|關閉|纠错|show|hide|copy|复制",
    "advert": "advertis|sponsored|promoted|广告|廣告|推广|赞助|cookie|privacy|隐私|隱私|gdpr|opt out|opt-out|consent",
    "browser": "javascript|your browser|浏览器|瀏覽器|please enable|disabled|app store|客户端|客戶端|关注我们|公众号|公眾號|"
    "donat|contribut|support us|打赏|赞赏|聲明|声明|disclaimer|guidelines|forum rules",
    "photo": "图片|圖|photo|image|摄|攝|getty|视频|影片|video|资料图|credit|watch",
    "notice": "凡注明|凡註明|凡本网|凡本網|本网站|本網站|本网转|本站不|本站所|不代表|免责|免責|版权归|版權歸|版权所有|"
    "版權所有|侵权|侵權|仅供参考|僅供參考|不构成|不構成|投资建议|投資建議|责自负|責自負|风险自|風險自|未经许可|未經許可|"
    "未经授权|未經授權|违者|違者|转载请|轉載請|注明出处|註明出處|与本网|与本站|與本站|与本报|声明：|聲明：|声明:|聲明:|举报|"
    "舉報|views expressed|opinions expressed|informational purposes|does not constitute|terms of use|terms of service|"
    "privacy policy|all rights reserved",
    "promo": "专页|專頁|粉丝团|粉絲團|粉絲專|二维码|二維碼|扫码|掃碼|扫一扫|掃一掃|扫描|客户端|客戶端|手机报|手機報|手機版|"
    "订阅|訂閱|移动发|移動發|热线|熱線|爆料|关注我|關注我|欢迎关注|公众号|公眾號|微信号|微信搜|官方微|敬请|敬請|点击进入|"
    "點擊進入|点击下载|更多精彩|加入我|欢迎加|歡迎加|按讚|马上开通|立即注册|免费订|donate|subscribe|newsletter|sign up|"
    "follow us|our journalism|support us|join us|download our|our app",
    "contact": "电话|電話|传真|傳真|地址|邮编|郵編|邮箱|郵箱|信箱|tel:|tel.|tel：|fax|客服|e-mail:|email:|email：|@gmail|"
    "@163|@qq|qq:|qq：|联系人|聯絡人|联系方|联系我|聯絡我|聯繫我|投稿|来稿",
    "caption": "图为|圖為|资料图|資料圖|图片来源|圖片來源|图：|圖：|图/|圖/|图／|圖／|图说|圖說|摄）|攝）|摄)|攝)|/摄|／摄|"
    "/攝|／攝|翻攝|摄影|攝影|供图|photo by|getty images|file photo|pictured|courtesy|image credit|photograph:",
    "thread": "re:|楼主|樓主|沙发|发表于|發表於|引用|quote:| said:| wrote:|originally posted|posted by|joined|最后编辑|"
    "本帖最后|本帖最後|last edited|最佳答案|accepted answer|best answer|add a comment|link to comment|#1|#2|#3",
    "cookies": "cookie|opt out|opt-out|consent|third-party|third party|advertising partner|browser setting|your browser|"
    "local storage",
    "end": "（完）|(完)|【完】|责任编辑|責任編輯|责编|責編|（编辑|(编辑|（編輯|(編輯|编辑：|編輯：|编辑:|返回|相关阅读|"
    "相關閱讀|相关新闻|相關新聞|相关报道|相关链接|延伸阅读|延伸閱讀|更多新闻|更多新聞|推荐阅读|查看更多|阅读原文|上一篇|"
    "下一篇|分享到",
    "teaser": "...|…|[详细]|[詳細]|[更多]|详细>|更多>|阅读全文|閱讀全文|查看全文|查看详|>>|»|read more|continue reading",
    "dateline": "】|日讯|日訊|日电|日電|日消息|日报道|专讯|專訊|本报讯|本報訊|报讯|報訊|网讯|網訊|记者|記者|报道|報導|通讯员|"
    "新华社|中新社|中新网|中央社",
    "voices": "网友|網友|评论|評論|留言|回复|回覆|个人观点|個人觀點|文明上|登录后|登入後|匿名|跟帖|游客|遊客|博主|楼上|顶一|"
    "转发|轉發|说道：|wrote|reply|comment",
}
OF_ITSELF = ("rights", "notice", "promo", "contact", "cookies")  # what a site says of itself, not of the world


class Automaton:
    """All words of the groups at once: `step[state, byte]` is the next state, `found[state]` the groups that end there."""

    def __init__(self, groups: dict[str, list[bytes]]) -> None:
        goto: list[dict[int, int]] = [{}]
        found = [0]
        for bit, words in enumerate(groups.values()):
            for word in words:
                state = 0
                for byte in word:
                    if byte not in goto[state]:
                        goto[state][byte] = len(goto)
                        goto.append({})
                        found.append(0)
                    state = goto[state][byte]
                found[state] |= 1 << bit
        self.step = np.zeros((len(goto), 256), np.int16)
        fail = [0] * len(goto)
        waiting = deque([0])
        while waiting:
            state = waiting.popleft()
            if state:
                self.step[state] = self.step[fail[state]]
                found[state] |= found[fail[state]]
            for byte, following in goto[state].items():
                fail[following] = int(self.step[state, byte])  # still the failure's way: the own one is written next
                self.step[state, byte] = following
                waiting.append(following)
        self.found = np.array(found, np.int64)


def _names() -> Automaton:
    return Automaton({group: [word.encode() for word in words.split()] for group, words in NAMES.items()})


def _phrases() -> Automaton:
    return Automaton({group: [phrase.encode() for phrase in phrases.split("|")] for group, phrases in PHRASES.items()})


NAME_WORDS, TEXT_PHRASES = _names(), _phrases()
