"""What each recogniser takes and what it leaves, next to Han characters and in code. Every value here is invented."""

import pytest

from curator.privacy import find_in
from curator.privacy.numbers import credit_code_check, id_check, luhn, resident_id, social_credit_code

CREDIT_CODE = "91110105MA01X2C3" + "4"  # 17 characters
CREDIT_CODE += credit_code_check(CREDIT_CODE)
LETTERS_FIRST = "N2110105MF01X2C34"
LETTERS_FIRST += credit_code_check(LETTERS_FIRST)
DRAWN = "a8f5f167f44f4964e6c998dee827110c"  # what a key looks like, and is none
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA1234567890abcdefghij\nabcd=\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("entity", "text", "value"),
    [
        ("email", "邮箱zhang.san@163.com请联系", "zhang.san@163.com"),
        ("email", "zhang＠163.com", "zhang＠163.com"),
        ("email", "kui@qq.com1、安卓", "kui@qq.com"),
        ("email", "QQ群12345678Emailabc@x.cn", "abc@x.cn"),
        ("phone", "手机１３８１２３４５６７８。", "１３８１２３４５６７８"),
        ("phone", "（0351）89082910", "（0351）89082910"),
        ("phone", "客服400-810-8888转1", "400-810-8888"),
        ("phone", "客服电话4008521661欢迎", "4008521661"),
        ("phone", "电话:86 0555 6761631", "86 0555 6761631"),
        ("phone", "电话：62345678", "62345678"),
        ("phone", "电话021-60765113 24小时", "021-60765113"),
        ("phone", "call me at 0699 868 88 55 now", "0699 868 88 55"),
        ("phone", "+49 (0)2983 - 97 37-0", "+49 (0)2983 - 97 37-0"),
        ("phone", "（+86187 2388 3819）", "+86187 2388 3819"),
        ("phone", "T: 07700 900471 | F:", "07700 900471"),
        ("phone", "21 253 109 8211-Office", "21 253 109 8211"),
        ("phone", "微信13261520451QQ1405299666", "13261520451"),
        ("id_card", "身份证110101900307451号", "110101900307451"),
        (
            "id_card",
            "11010119900307" + "451" + id_check("11010119900307451"),
            "11010119900307" + "451" + id_check("11010119900307451"),
        ),
        ("uscc", f"代码{CREDIT_CODE}，", CREDIT_CODE),
        ("uscc", f"代码{LETTERS_FIRST.lower()}，", LETTERS_FIRST.lower()),
        ("bank_card", "amex 3782 822463 10005", "3782 822463 10005"),
        ("bank_card", "card number 630427373398 is lost", "630427373398"),
        ("bank_card", "卡号：4012 8888 8888 1881 2.备注", "4012 8888 8888 1881"),
        ("phone", "电话：8008429759 2.备注", "8008429759"),
        ("passport", "护照号E12345678", "E12345678"),
        ("passport", "持D00889463号护照入境", "D00889463"),
        ("plate", "京A·12345的车主", "京A·12345"),
        ("plate", "新能源沪AD12345，", "沪AD12345"),
        ("plate", "粤Z1234港", "粤Z1234港"),
        ("ip", "服务器IP202.1.2.3已", "202.1.2.3"),
        ("ip", "访问2001:db8::1地址", "2001:db8::1"),
        ("ip", "IP:2001:db8::1", "2001:db8::1"),
        ("ip", "IP2001:db8::41c6:15c3已", "2001:db8::41c6:15c3"),
        ("ip", "::ffff:23.157.37.24", "::ffff:23.157.37.24"),
        ("mac", "MAC:00:1A:2b:3c:4d:5e", "00:1A:2b:3c:4d:5e"),
        ("mac", "MAC18-B5-F9-52-FD-BA", "18-B5-F9-52-FD-BA"),
        ("mac", "001a.2b3c.4d5e", "001a.2b3c.4d5e"),
        ("url_credentials", "redis://:pa%40ss@cache:6379/0", ":pa%40ss"),
        ("url_credentials", "http://admin:s3cret@10.0.0.1/", "admin:s3cret"),
        ("qq", "加我qq 1234567聊", "1234567"),
        ("qq", "QQ内测群297934864", "297934864"),
        ("qq", "Q Q：12345678", "12345678"),
        ("qq", "加Q 4882668958", "4882668958"),
        ("wechat", "微信号：zhang_san88", "zhang_san88"),
        ("wechat", "官方微信koudikoyn更新", "koudikoyn"),
        ("wechat", "WeChat ID: john88x", "john88x"),
        ("wechat", "WeChat ID: no503187", "no503187"),
        ("wechat", "wxid_abcdefghij12", "wxid_abcdefghij12"),
        ("wechat", "加V：zhangwei88 领取", "zhangwei88"),
        ("wechat", "需要的加我v: zhangwei", "zhangwei"),
        ("wechat", "扫码加微kefu_001。", "kefu_001"),
        ("wechat", "有意者+V：abc8888", "abc8888"),
        ("address", "我家住在北京市海淀区中关村大街27号院3号楼502室，", "北京市海淀区中关村大街27号院3号楼502室"),
        ("address", "地址：广州市天河区珠江西路15号", "广州市天河区珠江西路15号"),
        ("address", "他被押送到河南開封市內北土街十號監護", "河南開封市內北土街十號"),
        ("address", "lives at Flat 9, 42 Crown Drive, York YO31 8RZ.", "Flat 9, 42 Crown Drive, York YO31 8RZ"),
        ("address", "123 Main Street, Springfield, IL 62701", "123 Main Street, Springfield, IL 62701"),
        ("api_key", f"api_key = '{DRAWN}'", DRAWN),
        ("api_key", "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", "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"),
        ("api_key", "密钥sk-proj-abcDEF1234567890abcd已", "sk-proj-abcDEF1234567890abcd"),
        ("api_key", "AKIAMCSYQWERTZUIOPAB", "AKIAMCSYQWERTZUIOPAB"),
        ("api_key", "密钥glpat-suOfMFabcdEFGHijklMN已", "glpat-suOfMFabcdEFGHijklMN"),
        ("private_key", f"key = '''{PEM}'''", PEM),
    ],
)
def test_found(entity: str, text: str, value: str) -> None:
    assert (entity, value) in [(name, text[start:end]) for start, end, name in find_in(text)]


@pytest.mark.parametrize(
    "text",
    [
        "http://userid@example.com/ ssh://git@host.com/x",
        "Message-ID: <BLU0-SMTP223C2D@phx.gbl>",
        "doi 10.1016/0024-3795(76)90049-1",
        "ISBN 978-7-302-12345-6，2012-01-17，订单号202401171234567，价格12,345.67元",
        "第3.2.1.4节 1.2.3.45678 v1.2.3.4 版本 23.45.67.89",
        "完整客户端4.0.1.9，remote安卓 1.2.3.4",
        "型号E12345678，G20123",
        "订单号 202312251234567890 order no. 202110134020379350",
        "打雷了５５５５５５５５ 在线客服：517900001",
        "最新B12345款",
        "aaa::bbb std::cout 12:30:45 ::1 ::",
        "00:00:00:00:00:00",
        "https://user:password@host/ http://{user}:{secret}@host",
        "QQ2013正式版 QQ用户超过100000000",
        "微信iPhone版 微信公众号：abcdefg 微信支付 wXVBac12",
        "加VIP：zhangwei88 加微量元素 加微软账号 添加v-model指令 增加V7版本 请加v领取 加V：iPhone R+V:abc12345 a+v zhangwei88",
        "附件a@b.txt logo@2x.webp 模板user@main.docx",
        "上海轨道交通20号线 沿岸有千萬人口城市7座 11月5号 神舟五号",
        "总部位于上海市浦东新区世纪大道100号",
        "- 15 Maiden Lane (1936), 12 March, 1925 Along The Road",
        "AKIAXXXXXXXXXXXXXXXX sk-learn-contrib-example-name token = 'aaaaaaaaaaaaaaaaaaaaaaa1'",
        "-----BEGIN PUBLIC KEY-----\nMIIEpAIBAAKCAQEA1234567890abcdefghij\n-----END PUBLIC KEY-----",
        "-----BEGIN RSA PRIVATE KEY----- is how it begins",
    ],
)
def test_left_alone(text: str) -> None:
    assert [(name, text[start:end]) for start, end, name in find_in(text)] == []


def test_check_characters() -> None:
    """Numbers that standards print: GB 11643-1999's example, and a code of GB 32100's form."""
    assert resident_id("11010519491231002X")
    assert not resident_id("110105194912310029")
    assert social_credit_code("91110000600037341L")
    assert not social_credit_code("91110000600037341N")
    assert luhn("4012888888881881")
