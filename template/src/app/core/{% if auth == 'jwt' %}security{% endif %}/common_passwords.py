"""The most common passwords with 8 or more characters in published data breaches."""

COMMON_PASSWORDS = frozenset(
    """
    00000000 0123456789 0987654321 1029384756 11111111 1111111111 11111111a 11223344 123123123
    12341234 12345678 123456789 1234567890 12345678910 123456789a 1234qwer 123654789 12qwaszx
    147258369 147852369 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc 1qazxsw2 5201314520 66666666
    789456123 87654321 88888888 987654321 987654321a 99999999 a123456789 a1b2c3d4 aa123456
    aa12345678 abc12345 abcd1234 abcdefgh admin123 administrator asd123456 asdf1234 asdfghjkl
    baseball baseball1 changeme charlie1 computer computer1 corvette dragon123 football football1
    football123 garfield hello123 iloveyou iloveyou1 iloveyou2 internet jennifer letmein1 letmein123
    liverpool master123 mercedes michelle michelle1 monkey123 p@ssw0rd p@ssword passw0rd passw0rd!
    password password! password1 password1! password123 princess princess1 q1w2e3r4 qazwsxedc
    qwe123456 qweasdzxc qwer1234 qwerty12 qwerty123 qwertyui qwertyuiop samantha starwars starwars1
    sunshine sunshine1 superman superman1 test1234 trustno1 trustno1! victoria welcome1 welcome123
    whatever woaini1314 zaq12wsx
    """.split()  # noqa: SIM905 - more readable than a list of strings
)
