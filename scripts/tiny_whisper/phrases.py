"""All that the tiny Whisper can ever say, written as Whisper writes it. To teach it more, add a line and train."""

from __future__ import annotations

ENGLISH_CORE = """
What time is it?
What is the date today?
What day is it today?
Set a timer for ten minutes.
Set a timer for five minutes.
Set a timer for thirty seconds.
Cancel the timer.
How much time is left on the timer?
Set an alarm for seven in the morning.
Wake me up at six tomorrow.
Tell me a joke.
Tell me another joke.
Tell me a story.
Stop.
Cancel.
Pause.
Resume.
Continue.
Yes.
No.
Okay.
Hello.
Hello, how are you?
Good morning.
Good night.
Goodbye.
Thank you.
Thanks for watching.
Never mind.
Help.
Repeat that, please.
Say that again.
Louder.
Quieter.
Turn up the volume.
Turn down the volume.
Set the volume to fifty percent.
Mute the sound.
Turn off the lights.
Turn on the lights.
Turn off the lights in the kitchen.
Turn on the lights in the bedroom.
Dim the lights in the living room.
Turn on the heating.
Turn off the television.
Open the door.
Close the door.
Lock the front door.
Open the window.
What is the weather in Paris?
What is the weather in London?
What is the weather like today?
Will it rain tomorrow?
Is it going to snow this week?
How cold is it outside?
Play some music.
Play the next song.
Play the previous song.
Stop the music.
Play the radio.
What song is this?
Read me the news.
What are the headlines?
Add milk to my shopping list.
Add bread and butter to my shopping list.
What is on my shopping list?
Remind me to call my mother.
Remind me to take out the trash.
Call my brother.
Send a message to Anna.
Take a note.
Take a picture.
Open the browser.
Open my email.
Close the window.
Start the computer.
Shut down the computer.
Lock the screen.
Write a letter to my boss.
New paragraph.
Delete the last word.
Undo that.
Save the file.
Search the web for cheap flights.
How far is it to the moon?
Who wrote Hamlet?
How tall is the Eiffel Tower?
What is the capital of France?
What is two plus two?
What is seven times eight?
How do you spell necessary?
What is your name?
Who are you?
Where am I?
Where is my phone?
Find my keys.
Translate good morning into French.
How do I get to the station?
When is the next train?
Book a table for two.
""".strip().splitlines()

_NUMBERS = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "fifteen", "twenty",
    "thirty", "forty", "sixty",
]  # fmt: skip

ENGLISH_VARIANTS = [
    *(f"Set a timer for {n} minutes." for n in _NUMBERS[1:]),
    *(f"Set a timer for {n} seconds." for n in _NUMBERS[4:]),
    *(f"Set an alarm for {n} in the morning." for n in _NUMBERS[4:11]),
    *(f"Wake me up at {n} tomorrow." for n in _NUMBERS[4:11]),
    *(f"What is the weather in {city}?" for city in ("Berlin", "Madrid", "Rome", "Boston", "Chicago", "Tokyo")),
    *(f"What is {a} plus {b}?" for a, b in zip(_NUMBERS[:10], _NUMBERS[3:10] + _NUMBERS[:3], strict=True)),
    *(
        f"Turn {state} the {thing}."
        for state in ("on", "off")
        for thing in ("radio", "music", "computer", "heating", "television")
    ),
    *(
        f"Turn {state} the lights in the {room}."
        for state in ("on", "off")
        for room in ("kitchen", "bedroom", "living room", "office")
    ),
    *(f"Set the volume to {n} percent." for n in ("ten", "twenty", "thirty", "forty", "sixty")),
    *(f"Add {food} to my shopping list." for food in ("bread", "butter", "coffee", "sugar", "apples", "eggs")),
    *(f"Call my {who}." for who in ("mother", "sister", "boss", "office")),
    *(
        f"Remind me to {what}."
        for what in ("take a picture", "book a table", "write a letter", "lock the front door", "call my boss")
    ),
]

ENGLISH = list(dict.fromkeys(ENGLISH_CORE + ENGLISH_VARIANTS))

FOREIGN = {
    "de": {
        "Wie spät ist es?": "What time is it?",
        "Stell einen Wecker für sieben Uhr.": "Set an alarm for seven in the morning.",
        "Erzähl mir einen Witz.": "Tell me a joke.",
        "Mach das Licht aus.": "Turn off the lights.",
        "Mach das Licht an.": "Turn on the lights.",
        "Wie ist das Wetter in Berlin?": "What is the weather in Berlin?",
        "Spiel etwas Musik.": "Play some music.",
        "Guten Morgen.": "Good morning.",
        "Gute Nacht.": "Good night.",
        "Vielen Dank.": "Thank you.",
        "Wo ist mein Telefon?": "Where is my phone?",
        "Öffne die Tür.": "Open the door.",
    },
    "fr": {
        "Quelle heure est-il?": "What time is it?",
        "Mets un minuteur de dix minutes.": "Set a timer for ten minutes.",
        "Raconte-moi une blague.": "Tell me a joke.",
        "Éteins la lumière.": "Turn off the lights.",
        "Allume la lumière.": "Turn on the lights.",
        "Quel temps fait-il à Paris?": "What is the weather in Paris?",
        "Mets de la musique.": "Play some music.",
        "Bonjour tout le monde.": "Good morning.",
        "Bonne nuit.": "Good night.",
        "Merci beaucoup.": "Thank you.",
        "Où est mon téléphone?": "Where is my phone?",
        "Ouvre la porte.": "Open the door.",
    },
    "es": {
        "¿Qué hora es?": "What time is it?",
        "Pon un temporizador de diez minutos.": "Set a timer for ten minutes.",
        "Cuéntame un chiste.": "Tell me a joke.",
        "Apaga las luces.": "Turn off the lights.",
        "Enciende las luces.": "Turn on the lights.",
        "¿Qué tiempo hace en Madrid?": "What is the weather in Madrid?",
        "Pon un poco de música.": "Play some music.",
        "Buenos días.": "Good morning.",
        "Buenas noches.": "Good night.",
        "Muchas gracias.": "Thank you.",
        "¿Dónde está mi teléfono?": "Where is my phone?",
        "Abre la puerta.": "Open the door.",
    },
}
"""Language -> phrase -> its English translation, which the task "translate" is trained on."""

TRANSLATION = {phrase: english for phrases in FOREIGN.values() for phrase, english in phrases.items()}
