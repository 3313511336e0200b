"""Lines that zh_web and zh_hant_web cut: frame of pages, and no sentence that has a word of frames."""

from __future__ import annotations

import pyarrow as pa
import pytest

from curator.metrics.cutting import split_lines
from curator.stages.filter import Filter

SENTENCES = [
    "她在出版社当责任编辑，已经工作了十年。",
    "版权所有者可以依法要求赔偿损失。",
    "请用手机扫一扫桌上的二维码点餐，服务员会很快送来。",
    "他把照片分享到朋友圈，许多人点了赞。",
    "未经许可，任何人不得进入保护区。",
    "出卖人可以保留所有权，直到货款付清。",
    "申请人应当对其真实性负责。",
    "承运人对此不承担任何责任。",
    "翻到下一页，你会看到一幅地图。",
    "她上一篇小说写的是海边的渔村。",
    "该店没有取得食品经营许可证，被罚款五千元。",
    "登录后，系统会自动发送验证码。",
    "他郑重声明，自己从未收过一分钱。",
    "市民拨打本报新闻热线，反映了这件事。",
    "这家百年老字号在北京开了三家分店。",
    "他在网上发表评论，批评这部电影太长。",
    "短信里的验证码不要告诉别人。",
    "警方提醒：不要随意扫描二维码。",
    "他忘记密码，只好去银行重新办理。",
    "公司在官方微博上向消费者道歉。",
    "下一章将讨论这个问题。",
    "他从此再也没有与我们联系。",
    "她的相关文章发表在多家杂志上。",
    "水的来源：地下水、河水和雨水，各占三分之一。",
    "無論是誰，未經同意不得進入教室。",
    "她按讚之後，又把連結傳給了母親。",
    "他向警方檢舉了自己的上司。",
    "最新消息傳來，全村的人都哭了。",
    "他在留言板上寫下了自己的名字。",
    "這筆損失由旅客自行負擔，旅館概不負責。",
    "投资者应当风险自担。",
    "微信公众号每天推送三条新闻。",
    "把我王家的缝子扫一扫，就够你们一辈子过的了。",
    "地下不扫扫一扫，阴沟不通通一通。",
    "小厮们早已预备下一张梅红单帖。",
    "那国王即命换了字号，悬上新匾。",
]
FRAME = [
    "责任编辑：李四",
    "责任编辑 李四",
    "编辑：李四",
    "来源：新华网",
    "原标题：北京今天下雪了",
    "点击展开",
    "举报/反馈",
    "评论 (0)",
    "声明：本站内容来自互联网",
    "您当前的位置：首页 > 新闻",
    "版权所有 新华网",
    "新华网版权所有",
    "版权所有，违者必究",
    "© 2010-2015 乐安居",
    "微信扫一扫",
    "扫一扫关注我们",
    "扫一扫分享到微信",
    "京ICP备12345678号",
    "分享到：微博 微信",
    "上一篇：北京下雪了",
    "上一页 1 2 3 下一页",
    "登录后发表评论",
    "请登录",
    "忘记密码？",
    "相关阅读",
    "設為首頁",
    "加入最愛",
    "【字号：大 中 小】",
    "浏览次数：1234",
    "增值电信业务经营许可证 B2-20110",
    "免责声明",
    "不良信息举报电话：010-1234",
    "关于我们 | 联系我们 | 网站地图",
    "責任編輯：王小明",
    "來源：中央社",
    "上一則▼：狂熱選民造勢",
    "评论(12)",
]


def is_cut(preset: str, lines: list[str]) -> list[bool]:
    return (Filter.load(preset).first_failing(split_lines(pa.array(lines))) >= 0).tolist()


@pytest.mark.parametrize("preset", ["zh_web", "zh_hant_web"])
def test_sentences_stay(preset: str) -> None:
    assert [line for line, cut in zip(SENTENCES, is_cut(preset, SENTENCES), strict=True) if cut] == []


@pytest.mark.parametrize("preset", ["zh_web", "zh_hant_web"])
def test_frame_goes(preset: str) -> None:
    assert [line for line, cut in zip(FRAME, is_cut(preset, FRAME), strict=True) if not cut] == []


@pytest.mark.parametrize("text", ["", "版权所有，违者必究", "短。"])
def test_what_is_too_short_is_told_so_first(text: str) -> None:
    stage = Filter.load("zh_web")
    assert [rule.reason for rule in stage.rules][:2] == ["zh_web.chars", "zh_web.cut_char_ratio"]
    assert not stage.rules[0].passes(stage(pa.RecordBatch.from_pydict({"text": [text]}))["chars"])[0].as_py()
