"""Invented postal addresses: real regions above, invented streets and numbers below (GB/T 23705, UPU S42).

What a redaction must cover is the part that names a house: from the street or village to the last number. The region before it
and the postcode after it may be covered too. Every function gives the parts (before, core, after).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from .values import words

REGIONS = words("""
    北京市朝阳区 上海市浦东新区 广东省深圳市南山区 浙江省杭州市西湖区 江苏省苏州市吴中区 四川省成都市锦江区
    湖北省武汉市武昌区 陕西省西安市雁塔区 山东省青岛市市南区 福建省厦门市思明区 河南省郑州市金水区 湖南长沙芙蓉区
    重庆市渝中区 天津市和平区 辽宁省沈阳市和平区 广州市天河区 南京市玄武区 安徽合肥蜀山区
""")
STREETS = words("云栖 建设 和平 青石 望江 长宁 文汇 学府 金桂 向阳 滨河 松柏 永安 百合 凤鸣")
ROADS = words("路 路 街 大道 东路 北街 中路 巷")
ESTATES = words("锦绣花园 翠湖小区 阳光家园 东方名苑 丽景苑 香樟公寓 盛世华庭")
COUNTIES = words("河北省定州市 湖南省浏阳市 贵州省遵义县 江西省德安县 河南省商水县 四川省大邑县 广西壮族自治区宾阳县")
TOWNS = ("青山镇", "白马镇", "石桥乡", "柳河镇", "新丰镇")
VILLAGES = ("上坪村", "大塘村", "李家庄", "东沟村", "杨柳村")
TAIWAN = ("臺北市信義區", "台北市大安區", "新北市板橋區", "高雄市苓雅區", "臺中市西屯區", "台南市東區")
TAIWAN_ROADS = ("松竹路", "民權東路", "光明街", "安和路", "中興路", "文德街")
HONG_KONG = ("九龍旺角", "香港灣仔", "新界沙田", "九龍尖沙咀", "香港北角")
HONG_KONG_ROADS = ("海澄道", "福榮街", "彌文道", "柏景街", "青嵐道")

Parts = tuple[str, str, str]
Form = Callable[[Random], Parts]


def town(r: Random) -> Parts:
    house = f"{r.choice(STREETS)}{r.choice(ROADS)}{r.randrange(1, 900)}号"
    form = r.randrange(5)
    if form == 0:
        house += f"{r.choice(ESTATES)}{r.randrange(1, 30)}栋{r.randrange(1, 5)}单元{r.randrange(1, 30)}0{r.randrange(1, 9)}室"
    elif form == 1:
        house += f"{r.randrange(1, 30)}号楼{r.randrange(1, 30)}0{r.randrange(1, 9)}室"
    elif form == 2:
        house += f"{r.choice(('金茂', '国信', '华丰', '银河'))}大厦{r.randrange(2, 35)}层"
    elif form == 3:
        house += f"院{r.randrange(1, 12)}号楼{r.randrange(1, 6)}门{r.randrange(101, 609)}"
    return r.choice(REGIONS), house, ""


def village(r: Random) -> Parts:
    house = f"{r.choice(VILLAGES)}{r.choice(('', f'{r.randrange(2, 12)}组'))}{r.randrange(1, 200)}号"
    return r.choice(COUNTIES) + r.choice(TOWNS), house, ""


def taiwan(r: Random) -> Parts:
    road = r.choice(TAIWAN_ROADS) + r.choice(("", "一段", "二段", "三段"))
    lane = r.choice(("", f"{r.randrange(10, 300)}巷", f"{r.randrange(10, 300)}巷{r.randrange(2, 30)}弄"))
    return r.choice(TAIWAN), f"{road}{lane}{r.randrange(1, 400)}號{r.choice(('', f'{r.randrange(2, 15)}樓', '3樓之2'))}", ""


def hong_kong(r: Random) -> Parts:
    tower = r.choice(("嘉悅", "富安", "寶輝")) + r.choice(("大廈", "中心"))
    house = f"{r.choice(HONG_KONG_ROADS)}{r.randrange(1, 400)}號{tower}{r.randrange(2, 30)}樓{r.choice('ABCD')}室"
    return r.choice(HONG_KONG), house, ""


NAMES = words("Elm Maple Crown Harbour Whitmore Station Ferndale Orchard Birchwood Kingsley Mill")
KINDS = words("Street Avenue Road Lane Drive Court Blvd St Ave Rd Way")
STATES = (
    ("Springfield", "IL", "62704"),
    ("Portland", "OR", "97205"),
    ("Albany", "NY", "12203"),
    ("Austin", "TX", "78704"),
    ("Boise", "ID", "83702"),
    ("Dayton", "OH", "45402"),
    ("Salem", "MA", "01970"),
)


def american(r: Random) -> Parts:
    city, state, code = r.choice(STATES)
    unit = r.choice(
        (
            "",
            "",
            f", Apt {r.randrange(1, 40)}{r.choice('ABC')}",
            f" Suite {r.randrange(100, 900)}",
            f", Unit {r.randrange(2, 60)}",
        )
    )
    house = f"{r.randrange(12, 9800)} {r.choice(('', '', 'N ', 'West '))}{r.choice(NAMES)} {r.choice(KINDS)}{unit}"
    return "", house, f", {city}, {state} {code}"


def british(r: Random) -> Parts:
    city, code = r.choice(
        (("London", "SE1 7TY"), ("Leeds", "LS6 2AB"), ("Bristol", "BS8 1QU"), ("Ilford", "IG1 4XP"), ("York", "YO31 8RZ"))
    )
    flat = r.choice(("", "", f"Flat {r.randrange(1, 30)}, "))
    return "", f"{flat}{r.randrange(2, 300)} {r.choice(NAMES)} {r.choice(KINDS[:5])}", f", {city} {code}"


def australian(r: Random) -> Parts:
    place = r.choice(("Dandenong South, VIC 3175", "Parramatta NSW 2150", "Fremantle, WA 6160", "Toowong QLD 4066"))
    return "", f"{r.randrange(1, 30)}/{r.randrange(2, 400)} {r.choice(NAMES)} {r.choice(KINDS[:5])}", f", {place}"
