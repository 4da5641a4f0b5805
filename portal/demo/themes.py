"""What the generated matters of the demo city are about: ten themes with their words.

Each theme says what is typically written about such a matter in each slice, by whom, who is asked
for what, and how it ends. Curly brackets hold what the child likes to be called.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Ask:
    """What the centre asks an agency for, what came of it, and what it meant for the child."""

    agency: str
    kind: str
    request: str
    done: str
    effect: str


@dataclass(frozen=True)
class Theme:
    """One kind of matter.

    ``school`` and ``beside`` are the slices that the child's school and the agency of type
    ``agency`` are given; ``own`` is the slice that the latter writes into. ``words`` has two or
    three versions a slice, ``violation`` what is judged where a matter is judged at all.
    """

    topic: str
    violation: str | None
    ages: tuple[int, int]
    agency: str
    school: tuple[str, ...]
    beside: tuple[str, ...]
    own: str
    words: dict[str, tuple[str, ...]]
    of_school: tuple[str, ...]
    of_agency: tuple[str, ...]
    asks: tuple[Ask, ...]
    end: str


_TO_SCHOOL: Final = ("basic", "school", "watch_points")

MONEY: Final = Theme(
    topic="MONEY",
    violation="POVERTY",
    ages=(6, 15),
    agency="ward_welfare",
    school=_TO_SCHOOL,
    beside=("basic", "welfare"),
    own="welfare",
    words={
        "summary": (
            "家計が苦しく、給食費と修学旅行の積立が遅れている。{}は学校に言えずにいる。",
            "電気が止まった日があった。夕食がパンだけの日が続いている。",
            "父の仕事がなくなり、習い事と部活動をやめることになった。",
        ),
        "child_view": (
            "「修学旅行には行きたい。でもお母さんには言えない」",
            "「みんなと同じでなくていいけど、体操服は新しいのがほしい」",
            "「部活は続けたい。お金のことは自分からは話したくない」",
        ),
        "welfare": (
            "児童扶養手当は受けている。就学援助の申請はまだ。書類の書き方が分からないという。",
            "生活保護の相談に行くことを、家族で話し合っている。",
        ),
        "home": (
            "母と二人暮らし。母は昼と夜の仕事をかけもちしている。",
            "祖母の年金と母のパートで暮らしている。部屋は片付いている。",
        ),
        "watch_points": ("{}が来たら、まず一声かけてください。持ち物のことは聞かないでください。",),
        "progress": (
            "就学援助が認められ、積立の遅れが解消した。",
            "食料の支援につながった。{}は夕食を楽しみにしている。",
        ),
    },
    of_school=(
        "体操服が小さくなっている。保健室の予備を使ってもらった。",
        "昼休みに話した。表情は落ち着いている。",
    ),
    of_agency=(
        "来庁され、就学援助の申請書をいっしょに書いた。",
        "手当の現況届を確認した。支給は止まっていない。",
    ),
    asks=(
        Ask(
            "agency",
            "guide",
            "就学援助と手当の申請を手伝ってください。",
            "申請書をいっしょに書き、受け付けた。",
            "修学旅行に行けることになり、安心したようす。",
        ),
        Ask(
            "school",
            "watch",
            "持ち物や給食のようすを、週に一度見てください。",
            "二週間見守った。忘れ物はなくなった。",
            "休み時間に友だちと外で遊ぶようになった。",
        ),
    ),
    end="制度につながり、家計の見通しが立った。こどもが気にしていた費用は解消した。",
)

CARE: Final = Theme(
    topic="CARE",
    violation="YOUNG_CARER",
    ages=(9, 17),
    agency="ward_child_health",
    school=_TO_SCHOOL,
    beside=("basic", "home", "health"),
    own="home",
    words={
        "summary": (
            "幼いきょうだいの送り迎えと食事の用意を、{}が毎日している。",
            "病気の母の通院に付きそい、学校を休む日が増えている。",
            "祖父の介護を家族と分けあっている。夜に何度も起きる。",
        ),
        "child_view": (
            "「弟のことは好き。でも、ときどき自分の時間がほしい」",
            "「お母さんが悪いと思われるのはいやだ」",
            "「宿題ができないと先生に言いにくい」",
        ),
        "home": (
            "母は体調がすぐれず、家事の多くを{}がしている。",
            "親の帰りは21時すぎ。それまで{}がきょうだいを見ている。",
        ),
        "health": ("寝るのは0時ごろ。朝起きるのがつらいという。", "肩こりと頭痛が続いている。"),
        "watch_points": ("{}がつかれていたら、座って休めるようにしてください。",),
        "progress": (
            "家事の支援が週2回入り、{}の放課後の時間ができた。",
            "ショートステイの利用が始まった。",
        ),
    },
    of_school=(
        "遅刻が週に2、3回。来たときは保健室で少し休んでから教室に行く。",
        "宿題の期限をのばした。本人はほっとしていた。",
    ),
    of_agency=(
        "家庭訪問をした。家事支援の説明をし、母は使ってみたいとのこと。",
        "ヘルパーの利用を調整した。来週から始まる。",
    ),
    asks=(
        Ask(
            "agency",
            "interview",
            "家庭を訪ね、家事と育児の支援について話してください。",
            "訪問した。家事支援を週2回使うことになった。",
            "夕方に宿題をする時間ができた。",
        ),
        Ask(
            "school",
            "watch",
            "遅刻をしかる前に、事情を聞く場をつくってください。",
            "担任と養護教諭で朝の声かけをした。",
            "「おこられないから行ける」と話した。",
        ),
    ),
    end="家事と育児の支援が入り、こどもの世話の負担が軽くなった。",
)

ABSENCE: Final = Theme(
    topic="NON_ATTENDANCE",
    violation=None,
    ages=(8, 15),
    agency="ward_child_health",
    school=("basic", "child_view", "school", "plan"),
    beside=("basic", "health"),
    own="health",
    words={
        "summary": (
            "連休明けから登校できていない。朝になるとおなかが痛くなる。",
            "別室登校が続いている。教室に入ろうとすると涙が出る。",
        ),
        "child_view": (
            "「行きたくないわけじゃない。足が動かなくなる」",
            "「図書室なら行けるかもしれない」",
            "「だれかに追いかけられるみたいに電話されるのがいや」",
        ),
        "school": (
            "電話は週1回、{}の都合のよい時間に担任からかけることになった。",
            "放課後に担任と会えた。プリントを受け取った。",
        ),
        "health": (
            "夜眠れず、昼ごろに起きる生活になっている。",
            "小児科で検査をした。異常はない。",
        ),
        "plan": ("別室で過ごす時間から始める。決めるのは{}。", "週1回の放課後登校から始める。"),
        "progress": ("週に2日、別室に来られている。", "適応指導教室の見学に行った。"),
    },
    of_school=(
        "別室に1時間いられた。図書の本を借りて帰った。",
        "友だちから手紙が届いたことを伝えた。うれしそうだった。",
    ),
    of_agency=("保健師が家庭を訪ね、睡眠の記録を始めた。", "親の会を紹介した。"),
    asks=(
        Ask(
            "school",
            "connect",
            "教室以外に居られる場所を、本人と決めてください。",
            "図書室と相談室を使えるようにした。",
            "自分で場所を選べるのがよいと話している。",
        ),
        Ask(
            "agency",
            "interview",
            "睡眠と体調について、保健師が会ってください。",
            "二度会った。朝の光を浴びることから始めた。",
            "11時には起きられる日が増えた。",
        ),
    ),
    end="別室登校が定着し、本人が次の目標を決めた。",
)

FRIENDS: Final = Theme(
    topic="FRIENDS",
    violation="BULLYING",
    ages=(7, 16),
    agency="board_of_education",
    school=("basic", "school", "facts", "watch_points"),
    beside=("basic", "summary"),
    own="summary",
    words={
        "summary": (
            "学級の何人かから無視されている。持ち物が二度なくなった。",
            "部活動で一人だけ連絡が来ない。練習試合の集合場所を知らされなかった。",
            "グループの中でからかわれることが続き、休みがちになった。",
        ),
        "child_view": (
            "「先生が大きな声で注意すると、もっとひどくなる」",
            "「あやまってほしいのではなくて、ふつうに話したい」",
        ),
        "facts": (
            "{}の話：先月から、朝のあいさつを返してもらえない。",
            "学校の話：席替えのあと、休み時間に一人でいるのを担任が見ている。",
        ),
        "watch_points": ("休み時間と帰り道に、{}がだれといるかを見てください。",),
        "school": ("学校いじめ対策組織で話し合うことになった。",),
        "progress": (
            "席とグループを変えた。話せる友だちができた。",
            "無視はなくなったと本人が話した。",
        ),
    },
    of_school=(
        "学年で聴き取りをした。二人が「言いすぎた」と話している。",
        "見守りを続けている。今週は保健室に来なかった。",
    ),
    of_agency=("指導主事が学校の対応を聞いた。", "スクールカウンセラーの配置を調整した。"),
    asks=(
        Ask(
            "school",
            "fact_check",
            "本人の気持ちを確かめながら、いじめの事実を確認してください。",
            "学年の聴き取りと、いじめ対策組織での話し合いをした。",
            "教室に入れる日が増えた。",
        ),
    ),
    end="学校の組織的な対応で無視がなくなり、本人が安心して通っている。",
)

FEAR: Final = Theme(
    topic="ABUSE_WORRY",
    violation="ABUSE_PSY",
    ages=(4, 16),
    agency="cgc",
    school=("basic", "watch_points"),
    beside=("basic", "safety"),
    own="safety",
    words={
        "summary": (
            "父がどなり、物にあたる。{}は押し入れに入って待つという。",
            "門限に遅れると家に入れてもらえない日があった。",
            "「出て行け」と言われることが続き、夜に公園にいたことがある。",
        ),
        "child_view": (
            "「こわいときに行けるところがほしい」",
            "「お父さんと話してくれるなら、だれか大人の人にしてほしい」",
        ),
        "safety": (
            "{}のけがは確認していない。どなり声のあった日を記録している。",
            "夜に家にいられないときの行き先を、本人と決めた。",
        ),
        "home": ("父は休職中。母は間に入れないと話す。", "母と父は別居の話をしている。"),
        "watch_points": ("月曜の朝のようすを見てください。ねむそうなら休ませてください。",),
        "judgement": ("緊急度はA。安全の確認を先にする。", "緊急度はB。週1回、本人に会う。"),
        "progress": (
            "父が児相の面談を続けている。どなることは減った。",
            "母子で祖母の家に移った。",
        ),
    },
    of_school=(
        "月曜に保健室に来た。けがはない。",
        "放課後、帰りたくないと話した。すぐに連絡した。",
    ),
    of_agency=("家庭訪問をし、本人に会った。", "父母と別々に面談した。次は2週間後。"),
    asks=(
        Ask(
            "agency",
            "interview",
            "家庭の状況を確かめ、結果を知らせてください。",
            "家庭訪問と面談を3回した。継続して指導する。",
            "家で眠れるようになった。",
        ),
        Ask(
            "school",
            "watch",
            "月曜の朝のようすを見て、気になれば電話をください。",
            "毎週月曜に担任と養護教諭が見ている。",
            "「先生が待っていてくれる」と話した。",
        ),
    ),
    end="家庭への指導が続き、こわいと感じることがなくなったと本人が話した。",
)

STAFF: Final = Theme(
    topic="STAFF",
    violation="HARSH_WORDS",
    ages=(7, 17),
    agency="board_of_education",
    school=("basic", "facts"),
    beside=("basic", "summary", "school"),
    own="school",
    words={
        "summary": (
            "授業中にみんなの前で強い言葉で責められたと話している。",
            "部活動の指導で「やめてしまえ」と言われ、行けなくなった。",
        ),
        "child_view": ("「あの言い方だけやめてほしい。先生がいなくなるのはちがう」",),
        "facts": (
            "{}の話：問題が解けないと立たされた。三回あった。",
            "学校の話：声が大きかったことは認めている。立たせたのは一度だという。",
        ),
        "school": ("校長が申立てのあった教職員から話を聞いた。",),
        "judgement": ("不適切な指導にあたるかを、弁護士の助言を受けて判断する。",),
        "progress": ("指導の方法が改まった。{}は授業に出ている。",),
    },
    of_school=("授業に校長が入り、ようすを見ている。",),
    of_agency=("指導主事が学校を訪問し、報告書を受け取った。",),
    asks=(
        Ask(
            "school",
            "fact_check",
            "まわりのこどもに分からない形で、事実を確認してください。",
            "聴き取りを終え、報告書を出した。",
            "授業に出られるようになった。",
        ),
    ),
    end="事実を確認し、指導が改められた。本人が納得したと話している。",
)

NET: Final = Theme(
    topic="NET",
    violation="SNS",
    ages=(11, 17),
    agency="board_of_education",
    school=("basic", "school", "watch_points"),
    beside=("basic", "safety"),
    own="safety",
    words={
        "summary": (
            "知らない人から写真を送るように言われ、こわくなった。",
            "友だちとのグループで悪口を書かれ、画像を広められた。",
        ),
        "child_view": (
            "「親に知られたくない。でも消してほしい」",
            "「学校で広まるのがいちばんこわい」",
        ),
        "safety": (
            "やりとりを保存し、相手を止めた。会う約束はしていない。",
            "アカウントの管理のしかたを、いっしょに確かめた。",
        ),
        "school": ("学校で画像を見たこどもがいるかを、本人の了解を得て確かめる。",),
        "watch_points": ("スマートフォンを気にしていても、取り上げないでください。",),
        "progress": ("画像の削除が確認できた。", "相手からの連絡はなくなった。"),
    },
    of_school=("学年で情報モラルの話をした。{}のことは出していない。",),
    of_agency=("指導主事が学校と話し、削除の手続きを案内した。",),
    asks=(
        Ask(
            "school",
            "watch",
            "教室で話題になっていないかを見てください。",
            "話題にはなっていない。友人関係も落ち着いている。",
            "安心して登校している。",
        ),
    ),
    end="画像が削除され、相手との連絡がなくなった。",
)

PARENTING: Final = Theme(
    topic="PARENTING",
    violation=None,
    ages=(2, 6),
    agency="ward_child_health",
    school=("basic", "watch_points"),
    beside=("basic", "home", "health"),
    own="home",
    words={
        "summary": (
            "下の子が生まれ、{}のかんしゃくに母が疲れている。",
            "言葉の遅れを心配して、母が一人で悩んでいる。",
            "夜泣きが続き、「たたいてしまいそう」と電話があった。",
        ),
        "child_view": ("面談の間、{}は積み木で遊び、母のひざに何度も戻った。",),
        "home": ("父は単身赴任。近くに頼れる人がいない。", "祖母が週1回来てくれる。"),
        "health": ("健診では経過を見ることになった。", "食は細いが体重は増えている。"),
        "watch_points": ("お迎えのとき、母に一言かけてください。",),
        "progress": ("一時預かりを使い始めた。母の表情がやわらいだ。",),
    },
    of_school=("園では友だちと遊べている。お迎えのときに母と話した。",),
    of_agency=("保健師が訪問した。一時預かりと親子教室を案内した。",),
    asks=(
        Ask(
            "agency",
            "advise",
            "訪問して、子育ての相談にのってください。",
            "月2回の訪問と一時預かりが始まった。",
            "園で落ち着いて遊んでいる。",
        ),
    ),
    end="子育ての支援が定着し、母が自分で相談できるようになった。",
)

MIND: Final = Theme(
    topic="MIND_BODY",
    violation=None,
    ages=(10, 17),
    agency="ward_child_health",
    school=("basic", "health", "watch_points"),
    beside=("basic", "health"),
    own="health",
    words={
        "summary": (
            "気持ちが沈み、食欲がない。保健室で過ごすことが多い。",
            "試験の前になると息が苦しくなる。受診をこわがっている。",
        ),
        "child_view": ("「理由を聞かれても分からない。そばにいてくれるだけでいい」",),
        "health": (
            "心療内科を受診した。次の予約は来月。",
            "眠れるようになってきた。薬は飲んでいない。",
        ),
        "watch_points": ("{}が保健室に来たら、理由を聞かずに休ませてください。",),
        "progress": ("保健室の利用が週1回に減った。", "主治医と学校の連絡のしかたを決めた。"),
    },
    of_school=("保健室で1時間休み、教室に戻った。", "昼食を友だちと食べていた。"),
    of_agency=("保健師が受診に付きそった。",),
    asks=(
        Ask(
            "agency",
            "connect",
            "受診につながるよう、本人と会ってください。",
            "受診に付きそった。本人は次も行くと話している。",
            "食欲が戻ってきた。",
        ),
    ),
    end="受診につながり、学校で過ごせるようになった。",
)

DIFFERENCE: Final = Theme(
    topic="SCHOOL_LIFE",
    violation="DISCRIMINATION",
    ages=(7, 16),
    agency="npo",
    school=("basic", "school", "child_view"),
    beside=("basic", "summary", "plan"),
    own="plan",
    words={
        "summary": (
            "家では別の言葉を話している。授業が分からず、からかわれることがある。",
            "制服のことで悩んでいる。学校に相談したいが、どう言えばよいか分からない。",
        ),
        "child_view": (
            "「わたしの名前をちゃんと呼んでほしい」",
            "「えらべるようにしてほしいだけ」",
        ),
        "school": ("校則と服装について、学校が話を聞く場をつくる。",),
        "plan": (
            "週2回の学習支援を使う。通訳は本人が選ぶ。",
            "学校との話し合いに相談員が同席する。",
        ),
        "progress": ("学習支援に通っている。漢字の宿題ができるようになった。",),
    },
    of_school=("学級で名前の呼び方を確かめた。本人は笑っていた。",),
    of_agency=("学習支援の教室に来た。静かに集中していた。",),
    asks=(
        Ask(
            "agency",
            "connect",
            "学習支援の利用を、本人と家族に案内してください。",
            "利用が始まった。週2回来ている。",
            "「分かる授業がふえた」と話した。",
        ),
    ),
    end="学校の配慮と学習支援が定着した。",
)

# As often as such matters come; the first are the most frequent.
THEMES: Final = (
    *(FRIENDS, ABSENCE, FRIENDS, FEAR, MONEY, PARENTING, ABSENCE, CARE, STAFF, MIND),
    *(FRIENDS, NET, FEAR, PARENTING, MONEY, DIFFERENCE),
)

FAMILIES: Final = (
    *(("青井", "あおい"), ("秋津", "あきつ"), ("有明", "ありあけ"), ("池上", "いけがみ")),
    *(("石神", "いしがみ"), ("上江", "かみえ"), ("榎", "えのき"), ("大甲", "おおかぶと")),
    *(("岡田", "おかだ"), ("小楠", "こなん"), ("加勢", "かせ"), ("川添", "かわぞえ")),
    *(("北部", "きたべ"), ("楠", "くすのき"), ("桑原", "くわはら"), ("健軍", "けんぐん")),
    *(("坂梨", "さかなし"), ("清水", "しみず"), ("菅", "すが"), ("高平", "たかひら")),
    *(("髙木", "たかき"), ("竹崎", "たけざき"), ("田﨑", "たさき"), ("津留", "つる")),
    *(("徳永", "とくなが"), ("中無田", "なかむた"), ("西里", "にしざと"), ("野口", "のぐち")),
    *(("八分", "はちぶ"), ("花園", "はなぞの"), ("春日", "かすが"), ("藤崎", "ふじさき")),
    *(("古町", "ふるまち"), ("保田", "やすだ"), ("松尾", "まつお"), ("御幸", "みゆき")),
    *(("室園", "むろぞの"), ("元三", "もとぞう"), ("薬園", "やくえん"), ("龍田", "たつだ")),
)
GIVEN: Final = (
    *("あきら", "あさひ", "いおり", "いちか", "えま", "おと", "かえで", "かなた", "きいち"),
    *("こころ", "こはる", "さくと", "さな", "しおり", "しゅん", "すず", "せな", "そうま"),
    *("たいが", "ちひろ", "つばさ", "ともか", "なお", "なぎ", "にこ", "ねお", "のあ"),
    *("はな", "はるき", "ひより", "ふうか", "ほのか", "まひろ", "みお", "みなみ", "むぎ"),
    *("めい", "もも", "ゆいと", "ゆず", "りお", "るい", "れん", "わか"),
)
