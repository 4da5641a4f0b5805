"""Replies to begin from, at three levels of language: for adults, plain Japanese, for children.

They are sent to somebody, in the language of that person, so they are in no catalogue. A child's
words are hiragana, and what is not carries its reading as {漢字|かんじ}.
"""

from collections.abc import Mapping
from types import MappingProxyType

_TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "adult": {
            "received": "ご連絡をありがとうございます。お話をたしかに受け取りました。"
            "\n{when}までに、あらためてお返事します。"
            "\n急ぐことがあれば、電話でもお話をうかがいます。",
            "meet": "お話をもう少しくわしくうかがいたいと思います。"
            "\nお会いできる日と時間、場所のご希望をお知らせください。電話でもかまいません。",
            "waiting": "お待たせしています。いま、どのような支援ができるかを考えています。"
            "\n{when}までに、お返事します。",
            "again": "いったん、ここまでとします。"
            "\n心配なことがあれば、いつでもこのページからお知らせください。",
        },
        "plain": {
            "received": "連絡をありがとうございます。あなたの話を読みました。"
            "\n{when}までに、返事を書きます。"
            "\n急いでいるときは、電話をしてください。",
            "meet": "あなたの話を、もっと聞きたいです。"
            "\n会える日と、時間と、場所を教えてください。電話でもいいです。",
            "waiting": "待っていてくれて、ありがとうございます。いま、できることを考えています。"
            "\n{when}までに、返事を書きます。",
            "again": "今日は、ここまでです。"
            "\n困ったことがあったら、いつでもこのページに書いてください。",
        },
        "child": {
            "received": "はなしてくれて、ありがとう。ぜんぶ よみました。"
            "\n{when}までに、へんじを かきます。"
            "\nいま あぶないときは、110に {電話|でんわ}してね。",
            "meet": "あなたの はなしを、もっと ききたいです。"
            "\nあえる {日|ひ}と ばしょを おしえてね。"
            "\n{電話|でんわ}でも いいよ。いやなときは「いや」と かいてね。",
            "waiting": "まっていてくれて、ありがとう。いま、いっしょに かんがえています。"
            "\n{when}までに、へんじを かきます。",
            "again": "きょうは、ここまでです。"
            "\nこまったことが あったら、いつでも ここに かいてね。また {話|はな}せます。",
        },
    }
)


def reply(code: str, level: str, when: str) -> str:
    """Return the words of a reply, "" for none of that name.

    Args:
        code: what is said: ``received``, ``meet``, ``waiting`` or ``again``.
        level: to whom: ``adult``, ``plain`` or ``child``.
        when: the day by which one answers, in words.

    """
    return _TEXTS.get(level, {}).get(code, "").replace("{when}", when)
