"""Six further hand-written matters of the full demo city, after the seed's own drawn examples.

- はると: poverty, fear, worry about child-rearing and school at once (the seed's 取組3).
- みお is a young carer whom a kids' cafeteria noticed; the NPO talked with her (取組2).
- つむぎ is left out at school; what she, the school and the other child say differs (Ⅶ).
- こうた was struck by a coach of his club, who has an account and is excluded.
- らむね wrote from a school's tablet and has not given a name (取組1).
- ひまり is all right again; a cafeteria keeps an eye on her.

What the people then did stands in ``portal.demo.weeks``.
"""

from portal.demo.matters import Clock, case_of, consent_to, entries_of
from portal.demo.register import Record, demo_id


def cases(clock: Clock) -> list[Record]:
    """Return the six cases with entries, grants, exclusions and whom not to tell."""
    return [
        _haruto(clock),
        _mio(clock),
        _tsumugi(clock),
        _kota(clock),
        _ramune(clock),
        _himari(clock),
    ]


def _haruto(clock: Clock) -> Record:
    welfare, health = "ward_welfare_43103", "ward_child_health_43103"
    words = (
        (
            34,
            "basic",
            "",
            "counsellor2",
            "小学2年。呼ばれたい名前は「はるくん」。母と弟との三人暮らし。",
        ),
        (
            34,
            "summary",
            "",
            "counsellor2",
            (
                "母から電話。仕事がなくなり、家賃が二か月遅れている。下の子のかんしゃくが続き、"
                "はるくんにも手が出そうになるという。学校からは「忘れ物が多い」と言われている。"
            ),
        ),
        (
            33,
            "detail",
            "",
            "counsellor2",
            (
                "母は「たたいてしまった日がある」と話した。おとといの夜のこと。けがはないという。"
                "一人で抱えて眠れていない。助けてほしいと自分から電話をかけてきた。"
            ),
        ),
        (
            32,
            "child_view",
            "",
            "counsellor2",
            "「お母さんが泣くからいい子にしてる」「学校の宿題は弟がねてからやる」",
        ),
        (
            32,
            "safety",
            "",
            "counsellor2",
            "腕と背中を養護教諭と見た。新しいあざはない。夜に母が限界のときの電話先を決めた。",
        ),
        (
            31,
            "welfare",
            "kaori",
            "counsellor2",
            "離職は先月。児童扶養手当の現況届が出ておらず、支給が止まっている。",
        ),
        (30, "home", "kaori", "counsellor2", "祖父母は県外。頼れる人は同じ園の母親ひとり。"),
        (
            28,
            "school",
            "",
            "west_elementary_nurse",
            "保健室で体重をはかった。4月から減っている。給食はおかわりをする。",
        ),
        (
            26,
            "watch_points",
            "",
            "counsellor2",
            "月曜の朝は朝食を聞かずに、保健室で牛乳を出してください。忘れ物はしからないでください。",
        ),
        (
            24,
            "welfare",
            "",
            f"{welfare}_officer",
            "母が来所。現況届を受け付け、手当は来月からさかのぼって支給される。住居確保給付金を申請した。",
        ),
        (
            21,
            "home",
            "",
            f"{health}_officer",
            "家庭訪問。弟の言葉の相談にのった。一時預かりを週2回使うことになった。母の表情がやわらいだ。",
        ),
        (
            18,
            "safety",
            "",
            "cgc_worker2",
            "通告を受け、家庭訪問をした。はるくんと二人で会い、安全を確認した。在宅で支援を続ける。",
        ),
        (
            12,
            "school",
            "",
            "west_elementary_nurse",
            "忘れ物は学校で用意することにした。漢字の小テストで満点をとったと見せに来た。",
        ),
        (
            6,
            "progress",
            "",
            "counsellor2",
            "家賃の遅れはなくなる見込み。母は「電話してよかった」と話す。夜の電話は二週間ない。",
        ),
        (
            2,
            "plan",
            "",
            "counsellor2",
            "手当が入る来月まで週1回会う。年明けに見守りへ移るかを決める。",
        ),
    )
    report = {
        "id": demo_id("grant haruto cgc"),
        "agency": demo_id("cgc"),
        "slices": ["basic", "safety"],
        "subject": "*",
        "purpose": "statutory_report",
        "basis": "CAPA6",
        "necessity": "agencies_needed",
        "from": clock.ago(33),
        "until": clock.ahead(50),
        "ended": None,
    }
    return case_of(
        "haruto",
        "H4R-7TW-K9C",
        clock.ago(34.2),
        entries=entries_of(clock, "haruto", words),
        grants=[
            report,
            consent_to(
                clock, "haruto", "west_elementary", ["basic", "school", "watch_points"], since=31
            ),
            consent_to(clock, "haruto", welfare, ["basic", "welfare"], since=30),
            consent_to(clock, "haruto", welfare, ["welfare"], subject="kaori", since=30),
            consent_to(clock, "haruto", health, ["basic", "home"], since=30),
            consent_to(clock, "haruto", health, ["home"], subject="kaori", since=30),
        ],
        workers=[demo_id("counsellor2"), demo_id("investigator")],
    )


def _mio(clock: Clock) -> Record:
    health = "ward_child_health_43102"
    words = (
        (
            48,
            "basic",
            "",
            "counsellor",
            "中学2年。呼ばれたい名前は「みおさん」。母と妹二人との四人暮らし。",
        ),
        (
            48,
            "reporter",
            "",
            "counsellor",
            "こども食堂のボランティアから。「毎週、妹二人の手を引いて来て、自分は最後まで食べない」",
        ),
        (
            46,
            "summary",
            "",
            "counsellor",
            "母は難病の治療中。みおさんが朝夕の食事、妹の送り迎え、母の通院の付きそいをしている。",
        ),
        (
            45,
            "child_view",
            "",
            "counsellor",
            "「たいへんって言うと、お母さんがかわいそうになる」「高校は行きたい。美術がある学校」",
        ),
        (
            44,
            "home",
            "mio_mother",
            "counsellor",
            "母は「この子に頼りすぎている」と涙を流した。週3回は起き上がれない。",
        ),
        (43, "health", "", "counsellor", "寝るのは1時ごろ。授業中に眠ってしまうことがある。"),
        (
            38,
            "plan",
            "",
            "npo_learning_worker",
            "本人と面談した。火曜と木曜の夜、家から近い学習支援の部屋に来ることになった。",
        ),
        (
            35,
            "school",
            "",
            "central_junior_nurse",
            "遅刻は先月12回。担任には「寝坊」とだけ言っていた。保健室でゆっくり話した。",
        ),
        (
            30,
            "health",
            "",
            f"{health}_officer",
            "家庭訪問。居宅介護と家事支援の申請をした。妹の送迎は地域の支援につなぐ。",
        ),
        (
            26,
            "watch_points",
            "",
            "counsellor",
            "みおさんが来たら、妹たちの席を離して、座って食べられるようにしてください。",
        ),
        (
            19,
            "watch_points",
            "",
            "cafeteria_east_watcher",
            "来た。はじめて最初から最後まで座って食べた。",
        ),
        (
            10,
            "progress",
            "",
            "counsellor",
            "家事支援が始まり、朝の食事の用意がなくなった。遅刻は今月2回。",
        ),
        (
            3,
            "child_view",
            "",
            "counsellor",
            "「自分の部屋で絵をかく時間ができた」「お母さんもほっとしたみたい」",
        ),
    )
    return case_of(
        "mio",
        "M7V-2QF-D6X",
        clock.ago(48.3),
        entries=entries_of(clock, "mio", words),
        grants=[
            consent_to(clock, "mio", "central_junior", ["basic", "school"], since=42),
            consent_to(clock, "mio", health, ["basic", "home", "health"], since=42),
            consent_to(clock, "mio", health, ["home"], subject="mio_mother", since=42),
            consent_to(clock, "mio", "npo_learning", ["basic", "summary", "plan"], since=40),
            consent_to(
                clock, "mio", "cafeteria_east", ["watch_points"], since=27, purpose="watching"
            ),
        ],
    )


def _tsumugi(clock: Clock) -> Record:
    words = (
        (24, "basic", "", "counsellor3", "小学5年。呼ばれたい名前は「つむちゃん」。"),
        (
            24,
            "summary",
            "",
            "counsellor3",
            (
                "父から来所の相談。グループの友だちから「いっしょに遊ばない」と言われ、二週間、"
                "休み時間に一人でいる。くつが二度なくなった。"
            ),
        ),
        (
            23,
            "child_view",
            "",
            "counsellor3",
            "「あやまってほしいんじゃない。前みたいに話したい」「みんなの前で注意しないでほしい」",
        ),
        (
            22,
            "facts",
            "",
            "counsellor3",
            "本人の話：9月の席替えのあとから、三人が目を合わせない。くつは二回とも別のくつ箱にあった。",
        ),
        (
            20,
            "facts",
            "tsumugi_father",
            "counsellor3",
            "父の話：担任に二度相談したが「遊びの中のこと」と言われた。",
        ),
        (
            15,
            "facts",
            "",
            "nurse",
            "学校の話：担任は、けんかはあったが9月のうちに仲直りしたと見ている。くつは一度だけ確かめた。",
        ),
        (
            13,
            "others",
            "classmate",
            "counsellor3",
            "相手のこどもの話：「先に言われたのはわたし」。前に、つむちゃんの言葉で泣いた日があるという。",
        ),
        (
            11,
            "judgement",
            "",
            "counsellor3",
            (
                "三人の話に違いがある。いじめの定義では、本人が心身の苦痛を感じていることが出発点になる。"
                "事実の違いはそのまま並べて、会議で助言を受ける。"
            ),
        ),
        (
            8,
            "school",
            "",
            "nurse",
            "いじめ対策組織で話し合った。三人とも別々に、責めずに話を聞くことにした。",
        ),
        (
            5,
            "school",
            "",
            "nurse",
            "昼休みに保健委員の仕事をいっしょにした。二人が声をかけていた。",
        ),
        (
            1,
            "progress",
            "",
            "counsellor3",
            "「きのう一人と帰った」。くつのことはまだ分からない。学校の聴き取りの結果を待つ。",
        ),
    )
    return case_of(
        "tsumugi",
        "F6J-3WP-T2N",
        clock.ago(24.3),
        status="assessing",
        entries=entries_of(clock, "tsumugi", words),
        grants=[
            consent_to(
                clock,
                "tsumugi",
                "school",
                ["basic", "school", "facts"],
                since=21,
                until=12,
                purpose="fact_finding",
            ),
        ],
        workers=[demo_id("counsellor3")],
    )


def _kota(clock: Clock) -> Record:
    words = (
        (31, "basic", "", "counsellor4", "高校2年。呼ばれたい名前は「こうた」。"),
        (
            31,
            "summary",
            "",
            "counsellor4",
            "部活動の練習中に、指導者から頭をたたかれ、耳が聞こえにくくなった。やめたら推薦がなくなると言われた。",
        ),
        (
            30,
            "child_view",
            "",
            "counsellor4",
            "「部活は好き。なかまにめいわくをかけたくない」「たたくのだけ、やめてほしい」",
        ),
        (
            30,
            "facts",
            "",
            "counsellor4",
            "本人の話：9月に二回、10月に一回。三回目は右の耳のあたり。見ていた部員がいる。",
        ),
        (
            29,
            "health",
            "",
            "counsellor4",
            "耳鼻科を受診した。鼓膜に傷はない。二週間後にもう一度みる。",
        ),
        (
            22,
            "facts",
            "",
            "commercial_high_principal",
            "学校の話：申立てのあった教職員は、肩を押したことは認め、たたいたことは否定している。部員9人から聴き取る。",
        ),
        (
            14,
            "facts",
            "",
            "commercial_high_principal",
            "学校の話：部員のうち4人が、頭をたたくのを見たと話した。指導から外した。",
        ),
        (
            12,
            "judgement",
            "",
            "counsellor4",
            "体罰と判断する。弁護士の助言により、教育委員会に伝える。進学への影響がないことを文書で求める。",
        ),
        (9, "school", "", "boe", "体罰等審議会に報告した。学校の再発防止策を待っている。"),
        (
            4,
            "progress",
            "",
            "counsellor4",
            "耳の痛みはなくなった。別の指導者のもとで練習を再開した。",
        ),
    )
    return case_of(
        "kota",
        "K5C-9DM-V3Y",
        clock.ago(31.2),
        entries=entries_of(clock, "kota", words),
        grants=[
            consent_to(
                clock,
                "kota",
                "commercial_high",
                ["basic", "facts"],
                since=28,
                purpose="fact_finding",
            )
            | {"accounts": [demo_id("commercial_high_principal")]},
            consent_to(
                clock,
                "kota",
                "board",
                ["basic", "summary", "school", "facts"],
                since=27,
                purpose="coordination",
            ),
        ],
        exclusions=[{"account": demo_id("coach_account"), "from": clock.ago(31.1), "until": None}],
        never_tell=[{"person": demo_id("person coach"), "from": clock.ago(31), "until": None}],
        workers=[demo_id("counsellor4")],
    )


def _ramune(clock: Clock) -> Record:
    words = (
        (
            9,
            "basic",
            "",
            "counsellor5",
            "名前は聞いていない。呼ばれたい名前は「らむね」。中学生だという。",
        ),
        (
            9,
            "summary",
            "",
            "counsellor5",
            "学校のタブレットから。家で夜に一人のことが多く、さびしくて眠れない。だれにも言っていない。",
        ),
        (
            8,
            "child_view",
            "",
            "counsellor5",
            "「名前は言いたくない。学校にも家にも言わないで。ここで話すだけがいい」",
        ),
        (
            5,
            "judgement",
            "",
            "counsellor5",
            (
                "命にかかわることは今のところ話していない。名前を聞かずに、返事を続ける。"
                "話が変わったときは、先に本人に伝えてから動く。"
            ),
        ),
        (1, "progress", "", "counsellor5", "返事が三度続いている。保健室には行けるという。"),
    )
    return case_of(
        "ramune",
        "X9P-4GN-J7D",
        clock.ago(9.1),
        status="assessing",
        entries=entries_of(clock, "ramune", words),
        workers=[demo_id("counsellor5")],
    )


def _himari(clock: Clock) -> Record:
    school = "north_elementary"
    words = (
        (
            118,
            "basic",
            "",
            "counsellor",
            "小学3年。呼ばれたい名前は「ひまちゃん」。祖母と二人暮らし。",
        ),
        (
            118,
            "summary",
            "",
            "counsellor",
            "祖母が入院し、親せきの家を行き来している。学校を休む日が続いている。",
        ),
        (117, "child_view", "", "counsellor", "「おばあちゃんに会いたい。学校はすき」"),
        (
            115,
            "home",
            "himari_grandmother",
            "counsellor",
            "祖母は退院のめどが立っている。おばが週末に来る。",
        ),
        (112, "school", "", f"{school}_nurse", "朝の健康観察で話した。夜はおばの家で寝ている。"),
        (
            100,
            "watch_points",
            "",
            "counsellor",
            "ひまちゃんが来たら、学校のことを聞いてあげてください。",
        ),
        (80, "school", "", f"{school}_nurse", "休まずに来ている。図書委員になった。"),
        (46, "progress", "", "counsellor", "祖母が退院し、家に戻った。家事支援が入っている。"),
        (
            20,
            "watch_points",
            "",
            "cafeteria_north_watcher",
            "来た。おばあちゃんの話をたくさんしていた。",
        ),
    )
    watching = consent_to(
        clock,
        "himari",
        "cafeteria_north",
        ["watch_points"],
        since=100,
        until=60,
        purpose="watching",
    )
    return case_of(
        "himari",
        "N3K-6HT-W5R",
        clock.ago(118.2),
        status="watching",
        entries=entries_of(clock, "himari", words),
        grants=[
            watching,
            consent_to(clock, "himari", school, ["basic", "school"], since=114, until=66),
        ],
    )
